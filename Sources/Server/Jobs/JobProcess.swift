import Base
import Files
import Foundation

/// A run of this program as a process of its own: what happens in it does not touch the server.
///
/// Used by the thread that runs it; `interrupt` comes from others.
final class JobProcess: @unchecked Sendable {
    private let process = Process()
    private let errors = Pipe()

    /// - Parameter arguments: with which `--progress json` goes.
    init(_ arguments: [String]) {
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe")
        process.arguments = arguments + ["--progress", "json", "--overwrite"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
    }

    /// - Parameter progress: told how many frames are done of how many.
    /// - Returns: nil where it went well, else the line that it ended with.
    /// - Throws: `VitvideoError` where the program cannot be started.
    func run(progress: (_ frames: Int, _ total: Int?) -> Void) throws -> String? {
        do {
            try process.run()
        } catch {
            throw VitvideoError(.software, cannot: "start", path: "vitvideo", reason: "\(error)")
        }
        var last = ""
        var rest = Data()
        let handle = errors.fileHandleForReading
        while case let data = handle.availableData, !data.isEmpty {
            rest += data
            while let end = rest.firstIndex(of: 10) {
                let line = String(decoding: rest[..<end], as: UTF8.self)
                rest = Data(rest[(end + 1)...])
                if let state = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
                    let frames = state["frames"] as? Int
                {
                    progress(frames, state["total"] as? Int)
                } else if line.hasPrefix("vitvideo: ") {
                    last = String(line.dropFirst("vitvideo: ".count))
                }
            }
            // A line without an end is no line of the program's.
            if rest.count > 1 << 16 { rest = Data() }
        }
        process.waitUntilExit()
        return process.terminationStatus == 0 ? nil : last.isEmpty ? "it ended early" : last
    }

    /// Asks it to end, as Ctrl-C does; a second time at once.
    func interrupt() { if process.isRunning { process.interrupt() } }
}
