import ArgumentParser
import Base
import Pipeline

/// `3/16`, or `auto`: which share of a job a run computes.
enum PartArgument: ExpressibleByArgument, Equatable {
    case share(JobShare)
    /// What the task of a job array says.
    case auto

    /// Shares that a job is divided into at most.
    static let most = 100_000

    init?(argument: String) {
        if argument == "auto" {
            self = .auto
            return
        }
        let numbers = argument.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard numbers.count == 2, let number = numbers[0], let count = numbers[1], count <= Self.most,
            let share = JobShare(number: number, count: count)
        else { return nil }
        self = .share(share)
    }

    /// - Parameters:
    ///   - parts: how many shares there are, where that was given.
    ///   - environment: of the process.
    /// - Throws: `VitvideoError` of kind `usage` where the environment is not that of a task, or does not say enough.
    func share(parts: Int?, environment: [String: String]) throws -> JobShare {
        switch self {
        case .share(let share): share
        case .auto: try Self.share(ofTask: environment, parts: parts)
        }
    }

    private static func share(ofTask environment: [String: String], parts: Int?) throws -> JobShare {
        func number(_ name: String) throws -> Int? {
            guard let text = environment[name] else { return nil }
            guard let number = Int(text) else {
                throw VitvideoError(.usage, reason: "\(name) is '\(text)', which is no number")
            }
            return number
        }
        func share(_ number: Int, of count: Int?, _ task: String) throws -> JobShare {
            guard let count else {
                throw VitvideoError(
                    .usage, reason: "\(task) does not say how many there are",
                    nextStep: .advice("give --parts N"))
            }
            guard let share = JobShare(number: number, count: count) else {
                throw VitvideoError(
                    .usage, reason: "\(task) would be part \(number) of \(count)",
                    nextStep: .advice("give --parts N, and tasks with the numbers 1 to N"))
            }
            return share
        }
        if let task = try number("SLURM_ARRAY_TASK_ID") {
            let name = "SLURM_ARRAY_TASK_ID \(task)"
            // With --parts the task's own number counts, so that single tasks can be submitted once more.
            if let parts { return try share(task, of: parts, name) }
            let (first, step) = (
                try number("SLURM_ARRAY_TASK_MIN") ?? 1, try number("SLURM_ARRAY_TASK_STEP") ?? 1
            )
            return try share(
                (task - first) / max(1, step) + 1, of: try number("SLURM_ARRAY_TASK_COUNT"), name)
        }
        if let index = try number("AWS_BATCH_JOB_ARRAY_INDEX") {
            return try share(
                index + 1, of: try parts ?? number("AWS_BATCH_JOB_ARRAY_SIZE"),
                "AWS_BATCH_JOB_ARRAY_INDEX \(index)")
        }
        if let index = try number("JOB_COMPLETION_INDEX") {
            return try share(index + 1, of: parts, "JOB_COMPLETION_INDEX \(index)")
        }
        throw VitvideoError(
            .usage,
            reason: "--part auto is for the task of a job array, and none of SLURM_ARRAY_TASK_ID, "
                + "AWS_BATCH_JOB_ARRAY_INDEX and JOB_COMPLETION_INDEX is set",
            nextStep: .advice("give --part K/N"))
    }
}
