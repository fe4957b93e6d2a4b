import ArgumentParser
import Foundation
import ViT

@main
struct Vitvideo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vitvideo",
        abstract: "See what a Vision Transformer attends to in a video.",
        discussion: """
            vitvideo dog.mp4 -o out.mp4        a heatmap for every attention head, sound and timing kept
            vitvideo dog.mp4 -o out.mp4 --view side-by-side --frames 100:200
            vitvideo dog.mp4 --export maps.npz    the raw attention, for NumPy
            """,
        version: Version.current,
        subcommands: [Annotate.self, Models.self],
        defaultSubcommand: Annotate.self)

    /// Parses and runs; an error becomes one line on standard error and an exit code.
    static func main() {
        StandardStreams.ensureOpen()
        MathLibrary.prepareProcess()
        // A closed pipe is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            Foundation.exit(report(error).rawValue)
        }
    }

    private static func report(_ error: any Error) -> ExitStatus {
        if let failure = Failure(error) {
            StandardError.line("vitvideo: \(failure.message)")
            return failure.status
        }
        if exitCode(for: error).isSuccess {
            // --help and --version arrive here as errors that carry their text.
            print(fullMessage(for: error))
            return .success
        }
        let message = message(for: error).replacing("\n", with: " ")
        StandardError.line("vitvideo: \(message); see 'vitvideo --help'")
        return .usage
    }
}

enum Version {
    static let current = "0.1.0"
}
