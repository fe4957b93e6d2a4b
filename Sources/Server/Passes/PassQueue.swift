import Base

/// Who waits for a pass.
package struct PassClient: Sendable {
    /// A tab of the browser, or a script; its newest wish goes first.
    package let session: String
    /// Whether it can wait until nobody wants anything else.
    package let isBackground: Bool
    /// Whether it has hung up.
    package let isGone: @Sendable () -> Bool

    package init(session: String, isBackground: Bool = false, isGone: @escaping @Sendable () -> Bool) {
        self.session = session
        self.isBackground = isBackground
        self.isGone = isGone
    }
}

/// The workers that all requests share. Each does one pass at a time; who asks for what another is waiting for waits with
/// it; what nobody waits for any more is dropped, also in the middle.
final class PassQueue: Sendable {
    typealias Work =
        @Sendable (PassTools, _ progress: @escaping @Sendable (Double) -> Void) throws -> any Sendable

    private struct Task {
        let key: String
        let work: Work
        var waiting: [String: Int] = [:]
        /// 0 to 1; nil while it waits.
        var progress: Double?
        var outcome: Result<any Sendable, any Error>?

        var waiters: Int { waiting.values.reduce(0, +) }
    }

    private struct State {
        var tasks: [Int: Task] = [:]
        var order = PassOrder()
        var next = 0
        var isStopping = false
    }

    private let state = Monitor(State())
    private let workers: Mutex<[StageThread]>

    /// How often a waiting client is asked whether it is still there.
    private static let lookSeconds = 0.05

    /// - Parameters:
    ///   - workers: passes at once.
    ///   - threads: that share a pass.
    init(workers: Int, threads: Int) {
        self.workers = Mutex([])
        let made = (0..<workers).map { number in
            StageThread(name: "pass-\(number)") { [state] in
                let tools = PassTools(threads: threads)
                while let task = Self.take(state) { Self.perform(task, tools, state) }
            }
        }
        self.workers.withLock { $0 = made }
    }

    /// Waits for work to be done.
    ///
    /// - Parameter key: the same for the same work.
    /// - Throws: what the work throws; `Cancellation.Cancelled` where the client hangs up, and at the server's end.
    func value<Value: Sendable>(
        _ key: String, for client: PassClient, of: Value.Type = Value.self, _ work: @escaping Work
    ) throws -> Value {
        let id = join(key, client, work)
        while true {
            let outcome = state.wait(atMost: Self.lookSeconds) { state -> Result<any Sendable, any Error>? in
                guard let outcome = state.tasks[id]?.outcome else {
                    return state.isStopping ? .failure(Cancellation.Cancelled()) : nil
                }
                return outcome
            }
            if let outcome {
                leave(id, client)
                guard let value = try outcome.get() as? Value else {
                    preconditionFailure("one key, one kind")
                }
                return value
            }
            if client.isGone() {
                leave(id, client)
                throw Cancellation.Cancelled()
            }
        }
    }

    /// How far a session's work is: 0 to 1 of what runs, and how many wait.
    func progress(of session: String) -> (running: Double?, waiting: Int) {
        state.read { state in
            let own = state.tasks.values.filter { $0.waiting[session] != nil && $0.outcome == nil }
            return (own.compactMap(\.progress).min(), own.count { $0.progress == nil })
        }
    }

    /// Tasks that wait or run, for tests.
    var count: Int { state.read { $0.tasks.count } }

    /// Gives up what is under way and waits for the workers' end.
    func stop() {
        state.change { $0.isStopping = true }
        for worker in workers.withLock({ $0 }) { worker.join() }
    }

    // MARK: Clients

    private func join(_ key: String, _ client: PassClient, _ work: @escaping Work) -> Int {
        state.wait(until: { state -> Int? in
            let known = state.tasks.first { $0.value.key == key && $0.value.waiters > 0 }?.key
            let id = known ?? state.next
            if known == nil {
                state.next += 1
                state.tasks[id] = Task(key: key, work: work)
            }
            state.tasks[id]?.waiting[client.session, default: 0] += 1
            if state.tasks[id]?.progress == nil, state.tasks[id]?.outcome == nil {
                // Wanted anew, it is the newest; and no longer in the background where anybody watches.
                let old = state.order.wishes.first { $0.id == id }
                state.order.remove(id)
                state.order.add(
                    PassOrder.Wish(
                        id: id, session: client.session,
                        isBackground: client.isBackground && (old?.isBackground ?? true)))
            }
            return id
        })
    }

    private func leave(_ id: Int, _ client: PassClient) {
        state.change { state in
            guard let count = state.tasks[id]?.waiting[client.session] else { return }
            state.tasks[id]?.waiting[client.session] = count > 1 ? count - 1 : nil
            guard let task = state.tasks[id], task.waiters == 0 else { return }
            // What runs asks by itself whether anybody waits, and goes when it has stopped.
            if task.progress == nil || task.outcome != nil {
                state.order.remove(id)
                state.tasks[id] = nil
            }
        }
    }

    // MARK: Workers

    private static func take(_ state: Monitor<State>) -> (id: Int, work: Work)? {
        state.wait(until: { state -> (id: Int, work: Work)?? in
            if state.isStopping { return .some(nil) }
            guard let wish = state.order.next(), let task = state.tasks[wish.id] else { return nil }
            state.tasks[wish.id]?.progress = 0
            return (wish.id, task.work)
        })
    }

    private static func perform(
        _ task: (id: Int, work: Work), _ tools: PassTools, _ state: Monitor<State>
    ) {
        let isUnwanted = { @Sendable in
            state.read { $0.isStopping || ($0.tasks[task.id]?.waiters ?? 0) == 0 }
        }
        let outcome = Result {
            try Cancellation.asking(isUnwanted) {
                try task.work(tools) { share in state.change { $0.tasks[task.id]?.progress = share } }
            }
        }
        state.change { state in
            if (state.tasks[task.id]?.waiters ?? 0) == 0 {
                state.tasks[task.id] = nil
            } else {
                state.tasks[task.id]?.outcome = outcome
            }
        }
    }
}
