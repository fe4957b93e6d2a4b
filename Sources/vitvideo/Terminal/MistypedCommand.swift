import ArgumentParser
import Files

/// A word that was meant for a command. The command that runs without being named takes it for its input.
enum MistypedCommand {
    /// What to say beside the error; nil where the first argument is nothing like a command.
    static func hint(_ arguments: [String] = Arguments.given) -> String? {
        guard let word = arguments.first, !FileSystem.exists(word) else { return nil }
        let names = Vitvideo.configuration.subcommands.map { "\($0)".lowercased() }
        guard !names.contains(word), names.contains(where: { distance(word, $0) <= 2 }) else { return nil }
        return "there is no command '\(word)', only \(names.joined(separator: ", "))"
    }

    /// Letters to insert, remove or replace to make one word of the other (Levenshtein).
    private static func distance(_ first: String, _ second: String) -> Int {
        var row = Array(0...second.count)
        for (i, a) in first.enumerated() {
            var diagonal = i
            row[0] = i + 1
            for (j, b) in second.enumerated() {
                let best = min(diagonal + (a == b ? 0 : 1), row[j] + 1, row[j + 1] + 1)
                diagonal = row[j + 1]
                row[j + 1] = best
            }
        }
        return row[second.count]
    }
}
