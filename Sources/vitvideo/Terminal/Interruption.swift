import Dispatch
import Foundation
import Pipeline

/// Turns signals into a calm stop: the first asks the job to finish what it has, a second ends the process
/// after removing its temporary files.
final class Interruption {
    private let sources: [any DispatchSourceSignal]

    /// - Parameters:
    ///   - stop: told at the first signal.
    ///   - notice: what is said then.
    ///   - abort: called at the second, before the process ends with status 130.
    init(stop: StopRequest, notice: String, abort: @escaping @Sendable () -> Void) {
        sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            // The default action would end the process before the source hears of the signal.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if stop.request() {
                    // Below the bar and the terminal's ^C, where there may be some.
                    StandardError.line(
                        (StandardError.isTerminal ? "\n" : "")
                            + "vitvideo: \(notice); interrupt again to abort")
                } else {
                    abort()
                    _exit(ExitStatus.interrupted.rawValue)
                }
            }
            source.resume()
            return source
        }
    }
}
