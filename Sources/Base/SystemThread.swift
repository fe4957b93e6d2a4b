import Glibc

/// Threads of the system's, for work that blocks: Swift's cooperative pool expects work that does not.
package enum SystemThread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread that nobody joins.
    ///
    /// - Parameters:
    ///   - name: as debuggers and `top` show it, which have room for 15 bytes.
    ///   - stackBytes: nil for the system's usual.
    package static func start(name: String, stackBytes: Int? = nil, _ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        if let stackBytes { pthread_attr_setstacksize(&attributes, stackBytes) }
        let context = Unmanaged.passRetained(Body(name: name, run: body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                let body = Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
                SystemThread.setName(body.name)
                body.run()
                return nil
            }, context.toOpaque())
        precondition(code == 0, "a thread cannot be started: \(systemText(code))")
    }

    /// Names the calling thread. That it has no name is no harm.
    private static func setName(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = write(file, name, name.utf8.count)
        close(file)
    }
}
