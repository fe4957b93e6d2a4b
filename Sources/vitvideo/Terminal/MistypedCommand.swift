import ArgumentParser
import Base
import Files

/// A word that was meant for a command. The command that runs without being named takes it for its input.
enum MistypedCommand {
    /// What to say beside the error; nil where the first argument is nothing like a command.
    static func hint(_ arguments: [String] = Arguments.given) -> String? {
        guard let word = arguments.first, !FileSystem.exists(word) else { return nil }
        let names = Vitvideo.configuration.subcommands.map { "\($0)".lowercased() }
        guard !names.contains(word), names.contains(where: { editDistance(word, $0) <= 2 }) else {
            return nil
        }
        return "there is no command '\(word)', only \(names.joined(separator: ", "))"
    }
}
