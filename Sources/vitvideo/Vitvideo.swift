import ArgumentParser
import Base
import Files
import Glibc
import ViT

@main
struct Vitvideo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vitvideo",
        abstract: "Show what a Vision Transformer attends to in a video or picture.",
        version: Version.current,
        subcommands: [
            Annotate.self, Probe.self, Neuron.self, Propagate.self, Train.self, Batch.self, Serve.self,
            Models.self,
        ],
        defaultSubcommand: Annotate.self)

    /// Parses and runs; an error becomes one line on standard error and an exit code.
    static func main() {
        StandardStreams.ensureOpen()
        BundledFiles.prepareProcess()
        MathLibrary.setEnvironment()
        Interruption.listen()
        // A closed pipe is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // So is a file grown beyond the limit of `ulimit -f`, as on a full disk.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot(Arguments.given)
            try command.run()
        } catch {
            Glibc.exit(report(error))
        }
    }

    /// Says why the program ends.
    ///
    /// - Returns: the exit status: 0, or that of the error's kind.
    private static func report(_ error: any Error) -> Int32 {
        if let error = error as? VitvideoError {
            let hint = error.kind == .noInput ? MistypedCommand.hint() : nil
            StandardError.line("vitvideo: \(error.line { $0.words })\(hint.map { "; \($0)" } ?? "")")
            return error.kind.rawValue
        }
        if exitCode(for: error).isSuccess {
            if let word = Arguments.mistakenForHelp {
                StandardError.line(
                    "vitvideo: there is no option '\(word)'; a long one is written -\(word), a file ./\(word)"
                )
                return VitvideoError.Kind.usage.rawValue
            }
            // --help and --version arrive here as errors that carry their text. The root command has no options
            // of its own: who asks it for help wants those of the command that runs without being named.
            let text = fullMessage(for: error)
            print(text == helpMessage() ? helpMessage(for: Annotate.self) : text)
            return EXIT_SUCCESS
        }
        if let usage = Usage.text {
            StandardError.line(usage)
            return VitvideoError.Kind.usage.rawValue
        }
        let reason = MistypedCommand.hint() ?? singleLine(message(for: error))
        StandardError.line("vitvideo: \(reason); see 'vitvideo --help'")
        return VitvideoError.Kind.usage.rawValue
    }

    /// The parser's messages may hold lists, a line for each value, and end with a full stop.
    private static func singleLine(_ message: String) -> String {
        let text = message.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            .replacing(": - ", with: ": ").replacing(" - ", with: ", ")
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }
}

enum Version {
    static let current = "0.1.0"
}
