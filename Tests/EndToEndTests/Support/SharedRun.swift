import Foundation
import Testing

/// One run over the whole clip, with a video and an export, for the tests that compare parts with the whole.
struct SharedRun: Sendable {
    /// Model input of 112 × 199, cut to 8 × 14 patches.
    static let resolution = ["--resolution", "112"]

    let directory: String
    var video: String { directory + "/out.mp4" }
    var archive: String { directory + "/out.npz" }

    /// Made by the first test that asks for it and removed when the tests end.
    static func whole() throws -> SharedRun { try made.get() }

    private static let made = Result { () throws -> SharedRun in
        let workspace = try Workspace()
        kept = workspace
        atexit { SharedRun.kept = nil }
        try workspace.succeed(
            Workspace.bunny, "-o", "out.mp4", "--export", "out.npz", "--resolution", "112")
        #expect(try workspace.contents == ["out.mp4", "out.npz"], "and nothing else is left")
        return SharedRun(directory: workspace.path)
    }

    /// Keeps the directory; touched once at the start and once at the end of the process.
    nonisolated(unsafe) private static var kept: Workspace?
}
