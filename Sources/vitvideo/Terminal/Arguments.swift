import Base

/// What the program was called with.
enum Arguments {
    /// The words after the program's name, their bytes kept as `FileName` carries them: `CommandLine.arguments`
    /// has replaced what is not UTF-8.
    static let given: [String] = (1..<max(Int(CommandLine.argc), 1)).compactMap { index in
        CommandLine.unsafeArgv[index].map { FileName.text(of: $0) }
    }
}
