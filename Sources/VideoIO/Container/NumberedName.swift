import Foundation

/// A file name with one `%d` or `%0Nd` in its last component.
struct NumberedName: Sendable, Equatable {
    let directory: String
    private let prefix: String
    private let suffix: String
    private let width: Int

    init?(pattern: String) {
        let url = pattern.lastIndex(of: "/")
        directory = url.map { String(pattern[..<$0]) } ?? ""
        let name = url.map { pattern[pattern.index(after: $0)...] } ?? pattern[...]
        guard let match = name.firstMatch(of: /%(?:0(\d{1,2}))?d/) else { return nil }
        prefix = name[..<match.range.lowerBound].replacingOccurrences(of: "%%", with: "%")
        suffix = name[match.range.upperBound...].replacingOccurrences(of: "%%", with: "%")
        width = match.output.1.flatMap { Int($0) } ?? 0
    }

    /// The path of picture `number`.
    func path(_ number: Int) -> String {
        let digits = String(number)
        let name = prefix + String(repeating: "0", count: max(0, width - digits.count)) + digits + suffix
        return directory.isEmpty && prefix.first != "/" ? name : "\(directory)/\(name)"
    }

    /// The numbers that have a file, ascending.
    func existingNumbers() -> [Int] {
        let folder = directory.isEmpty ? "." : directory
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap { name -> Int? in
            guard name.hasPrefix(prefix), name.hasSuffix(suffix),
                name.count > prefix.count + suffix.count
            else { return nil }
            let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
            guard digits.count >= max(width, 1), digits.allSatisfy({ $0.isASCII && $0.isNumber }),
                let number = Int(digits), digits.count == max(width, String(number).count)
            else { return nil }
            return number
        }.sorted()
    }
}
