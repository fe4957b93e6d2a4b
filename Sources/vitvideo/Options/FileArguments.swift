import ArgumentParser

/// Options whose value is a file that is read.
enum FileArguments {
    /// Refuses "-", which stands for standard input where the input is named.
    ///
    /// - Throws: `ValidationError`.
    static func check(_ options: [(name: String, value: String?)]) throws {
        for (name, value) in options where value == "-" {
            throw ValidationError(
                "\(name) reads a file, not standard input; for a file of the name '-' write ./-")
        }
    }
}
