import Base
import Files

/// A file name with one `%d` or `%0Nd` in its last component. Beside it `%%` is a per cent sign, and so is a
/// single one that begins no number; in the directories before it all are.
struct NumberedName: Sendable, Equatable {
    let directory: String
    private let prefix: String
    private let suffix: String
    private let width: Int

    init?(pattern: String) {
        let name = pattern.lastPathPart
        directory = name.utf8.count == pattern.utf8.count ? "" : pattern.parentPath
        // By scalars: an accent after the number is a part of the name, not of its last digit.
        guard let match = name.firstMatch(of: /%(?:0([0-9]{1,2}))?d/.matchingSemantics(.unicodeScalar)) else {
            return nil
        }
        prefix = Self.unescaped(name[..<match.range.lowerBound])
        suffix = Self.unescaped(name[match.range.upperBound...])
        width = match.output.1.flatMap { Int($0) } ?? 0
    }

    /// The path of picture `number`.
    func path(_ number: Int) -> String {
        let digits = String(number)
        return Self.join(
            directory,
            prefix + String(repeating: "0", count: max(0, width - digits.count)) + digits + suffix)
    }

    /// The numbers that have a file, ascending.
    func existingNumbers() -> [Int] {
        let (prefix, suffix) = (Array(prefix.utf8), Array(suffix.utf8))
        return (FileSystem.names(in: directory.isEmpty ? "." : directory) ?? []).compactMap { name -> Int? in
            let bytes = Array(name.utf8)
            guard bytes.starts(with: prefix), bytes.reversed().starts(with: suffix.reversed()),
                bytes.count > prefix.count + suffix.count
            else { return nil }
            let digits = bytes.dropFirst(prefix.count).dropLast(suffix.count)
            guard digits.count >= max(width, 1), digits.allSatisfy((UInt8(ascii: "0")...57).contains),
                let number = Int(String(decoding: digits, as: UTF8.self)),
                digits.count == max(width, String(number).count)
            else { return nil }
            return number
        }.sorted()
    }

    private static func join(_ directory: String, _ name: String) -> String {
        directory.isEmpty ? name : directory == "/" ? "/" + name : "\(directory)/\(name)"
    }

    private static func unescaped(_ text: Substring) -> String {
        String(text.replacing("%%", with: "%"))
    }

}
