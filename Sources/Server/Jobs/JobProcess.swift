import Base
import Files
import Glibc

/// A run of this program as a process of its own: what happens in it does not touch the server.
///
/// Used by the thread that runs it; `interrupt` comes from others.
final class JobProcess: Sendable {
    private let arguments: [String]
    private let process = Mutex<ChildProcess?>(nil)

    /// - Parameter arguments: with which `--progress json` goes.
    init(_ arguments: [String]) {
        self.arguments = arguments + ["--progress", "json", "--overwrite"]
    }

    /// - Parameter progress: told how many frames are done of how many.
    /// - Returns: nil where it went well, else the line that it ended with.
    /// - Throws: `VitvideoError` where the program cannot be started.
    func run(progress: (_ frames: Int, _ total: Int?) -> Void) throws -> String? {
        let child: ChildProcess
        do throws(SystemError) {
            child = try ChildProcess("/proc/self/exe", arguments, readsErrors: true)
        } catch {
            throw VitvideoError(
                .software, cannot: "start", path: "vitvideo", reason: systemText(error.code))
        }
        process.withLock { $0 = child }
        var last = ""
        var rest: [UInt8] = []
        while case let piece = child.readErrors(), !piece.isEmpty {
            rest += piece
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(rest[..<end])
                rest.removeFirst(end + 1)
                let text = String(decoding: line, as: UTF8.self)
                if let state = try? JSONValue(line), let frames = state["frames"]?.integer {
                    progress(frames, state["total"]?.integer)
                } else if text.hasPrefix("vitvideo: ") {
                    last = String(text.dropFirst("vitvideo: ".count))
                }
            }
            // A line without an end is no line of the program's.
            if rest.count > 1 << 16 { rest = [] }
        }
        return child.wait() == 0 ? nil : last.isEmpty ? "it ended early" : last
    }

    /// Asks it to end, as Ctrl-C does; a second time at once.
    func interrupt() { process.withLock { $0 }?.send(SIGINT) }
}
