import Base

/// What the program was called with.
enum Arguments {
    /// The words after the program's name, as the parser gets them.
    ///
    /// Their bytes are kept as `FileName` carries them: `CommandLine.arguments` has replaced what is not UTF-8.
    /// A path that begins with a minus has "./" before it.
    static let given: [String] = markingPaths(
        (1..<max(Int(CommandLine.argc), 1)).compactMap { index in
            CommandLine.unsafeArgv[index].map { withTwoDashes(FileName.text(of: $0)) }
        })

    /// Long options that one may write with one dash, spelled with two: of those the parser thinks, where something else is
    /// wrong, that `-h` is among their letters.
    private static func withTwoDashes(_ word: String) -> String {
        word == "-o-watch" || word.hasPrefix("-o-watch=") ? "-" + word : word
    }

    /// Puts "./" before the words that begin with a minus and can only be paths, up to a "--".
    static func markingPaths(_ words: [String]) -> [String] {
        let options = words.prefix { $0 != "--" }
        return options.map { isPath($0) ? "./" + $0 : $0 } + words[options.count...]
    }

    /// Whether a word with a minus before it is a path. No option's name holds a dot, a slash or a letter
    /// beyond ASCII; a number or a range (-0.5, -25:) is an option's value.
    private static func isPath(_ word: String) -> Bool {
        guard word.hasPrefix("-"), !word.allSatisfy({ "-+0123456789.:eE".contains($0) }) else { return false }
        return word.prefix { $0 != "=" }.contains { !$0.isASCII || $0 == "." || $0 == "/" }
    }

    /// A word that the parser takes for several options, the one for help among them, and that is none:
    /// `-heads`, or a file's name.
    static var mistakenForHelp: String? {
        given.prefix { $0 != "--" }.first { word in
            let letters = word.dropFirst()
            return word.hasPrefix("-") && letters.count > 1 && letters.contains("h") && letters.first != "-"
                && !letters.hasPrefix("help") && !letters.allSatisfy("otyqvh".contains)
        }
    }
}
