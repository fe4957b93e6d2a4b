/// Parts of a path, cut at its bytes: the slash of "a/\u{301}b" is one, though a letter's accent follows.
extension String {
    /// What follows the last slash.
    package var lastPathPart: String { String(self[afterLastSlash...]) }

    /// What is before the last slash; "." for a mere name.
    package var parentPath: String {
        guard let slash = utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == startIndex ? "/" : String(self[..<slash])
    }

    /// The extension in small letters, without its dot; empty where the name has none.
    package var pathExtension: String {
        dot.map { String(self[utf8.index(after: $0)...]).lowercased() } ?? ""
    }

    /// The last part without its extension.
    package var pathStem: String { String(self[afterLastSlash..<(dot ?? endIndex)]) }

    /// The path with something put in before its extension, or at its end where there is none.
    package func insertingBeforeExtension(_ text: String) -> String {
        let place = dot ?? endIndex
        return self[..<place] + text + self[place...]
    }

    private var afterLastSlash: Index {
        utf8.lastIndex(of: UInt8(ascii: "/")).map { utf8.index(after: $0) } ?? startIndex
    }

    private var dot: Index? { utf8[afterLastSlash...].lastIndex(of: UInt8(ascii: ".")) }
}
