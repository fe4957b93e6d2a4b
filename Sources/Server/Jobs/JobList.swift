import Base
import Files
import Glibc
import Pipeline

/// The commands that pages have asked for, one running at a time.
package final class JobList: Sendable {
    enum Phase: String, Sendable {
        case waiting, running, done, failed, cancelled
    }

    /// A command and what became of it.
    struct Job: Sendable {
        let id: String
        let command: ServedCommand
        /// Where its output is.
        let path: String
        var phase = Phase.waiting
        var frames = 0
        var total: Int?
        var message: String?
        var process: JobProcess?

        var isOver: Bool { phase != .waiting && phase != .running }

        var description: JSONValue {
            .object([
                .init("id", .string(id)), .init("state", .string(phase.rawValue)),
                .init("make", .string(command.product.rawValue)), .init("name", .string(command.fileName)),
                .init("frames", .integer(frames)), .init("total", total.map(JSONValue.integer) ?? .null),
                .init("message", message.map(JSONValue.string) ?? .null),
                .init("command", .string(command.line)),
            ])
        }
    }

    private struct State {
        var jobs: [Job] = []
        var isStopping = false
    }

    /// As many jobs as are kept; of those that are over the oldest go first.
    private static let most = 16

    private let directory: PrivateDirectory
    private let state: Monitor<State>
    private let thread: StageThread

    /// - Parameter directory: for the outputs.
    package init(directory: PrivateDirectory) {
        self.directory = directory
        let state = Monitor(State())
        self.state = state
        thread = StageThread(name: "jobs") {
            while let job = Self.take(state) { Self.perform(job, state) }
        }
    }

    /// Ends the job under way and waits for its end.
    package func stop() {
        state.change { state in
            state.isStopping = true
            for job in state.jobs { job.process?.interrupt() }
        }
        thread.join()
    }

    /// - Throws: `HTTPProblem`: 503 where too many are waiting.
    func add(_ command: ServedCommand) throws(HTTPProblem) -> Job {
        let id = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let job = Job(
            id: id, command: command, path: "\(directory.path)/job-\(id).\(command.product.fileExtension)",
            total: command.frames)
        let removed: [Job]? = state.wait(until: { state -> [Job]?? in
            var removed: [Job] = []
            while state.jobs.count >= Self.most {
                guard let index = state.jobs.firstIndex(where: \.isOver) else { return .some(nil) }
                removed.append(state.jobs.remove(at: index))
            }
            state.jobs.append(job)
            return removed
        })
        guard let removed else { throw HTTPProblem(.unavailable, "\(Self.most) jobs are waiting already") }
        for job in removed { FileSystem.unlink(job.path) }
        return job
    }

    /// - Throws: `HTTPProblem`: 404.
    func job(_ id: String) throws(HTTPProblem) -> Job {
        guard let job = state.read({ $0.jobs.first { $0.id == id } }) else {
            throw HTTPProblem(.notFound, "there is no such job")
        }
        return job
    }

    /// Cancels a job; of one that is over removes the output.
    ///
    /// - Throws: `HTTPProblem`: 404.
    func remove(_ id: String) throws(HTTPProblem) {
        let job = try job(id)
        state.change { state in
            guard let index = state.jobs.firstIndex(where: { $0.id == id }) else { return }
            switch state.jobs[index].phase {
            case .waiting: state.jobs[index].phase = .cancelled
            case .running:
                state.jobs[index].phase = .cancelled
                state.jobs[index].process?.interrupt()
            default: state.jobs.remove(at: index)
            }
        }
        if job.isOver { FileSystem.unlink(job.path) }
    }

    private static func take(_ state: Monitor<State>) -> Job? {
        state.wait(until: { state -> Job?? in
            if state.isStopping { return .some(nil) }
            guard let index = state.jobs.firstIndex(where: { $0.phase == .waiting }) else { return nil }
            let process = JobProcess(state.jobs[index].command.arguments(output: state.jobs[index].path))
            state.jobs[index].phase = .running
            state.jobs[index].process = process
            return state.jobs[index]
        })
    }

    private static func perform(_ job: Job, _ state: Monitor<State>) {
        func change(_ body: (inout Job) -> Void) {
            state.change { state in
                if let index = state.jobs.firstIndex(where: { $0.id == job.id }) { body(&state.jobs[index]) }
            }
        }
        let failure: String?
        do {
            failure = try job.process?.run { frames, total in
                // One that was cancelled before it had begun to listen is told again.
                if state.read({ $0.isStopping || $0.jobs.first { $0.id == job.id }?.phase == .cancelled }) {
                    job.process?.interrupt()
                }
                change { ($0.frames, $0.total) = (frames, total ?? $0.total) }
            }
        } catch {
            failure = "\(error)"
        }
        change { job in
            job.process = nil
            if job.phase == .running { job.phase = failure == nil ? .done : .failed }
            if job.phase == .done { job.frames = job.total ?? job.frames }
            job.message = job.phase == .failed ? failure : nil
        }
        if state.read({ $0.jobs.first { $0.id == job.id }?.phase != .done }) { FileSystem.unlink(job.path) }
    }
}
