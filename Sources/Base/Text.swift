import Glibc

/// Text out of a file or from a server, made fit for an error message: control characters are escaped, so that the
/// message stays one line and no terminal sequence gets through; bytes of a file's name that are not UTF-8 read
/// `\xE9`; and it is cut at `limit` characters.
package func oneLine(_ text: String, limit: Int = 120) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(limit) {
        if let byte = FileName.shown(scalar) {
            result += byte
            continue
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned:
            result += scalar.escaped(asASCII: true)
        default: result.unicodeScalars.append(scalar)
        }
    }
    return text.unicodeScalars.count > limit ? result + "…" : result
}

/// Lines of text fit for a terminal: as `oneLine`, but breaks between lines stay.
package func terminalText(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { oneLine(String($0), limit: .max) }
        .joined(separator: "\n")
}

/// `oneLine` in single quotation marks.
package func quoted(_ text: String) -> String { "'\(oneLine(text))'" }

/// Numbers as C's `printf` writes them: `formatted("%.2f s", seconds)`.
///
/// - Parameter format: of `%d` for integers and `%f`, `%e`, `%g` for others.
package func formatted(_ format: String, _ numbers: any CVarArg...) -> String {
    withVaList(numbers) { list in
        var bytes = [CChar](repeating: 0, count: 512)
        let length = Int(vsnprintf(&bytes, bytes.count, format, list))
        return String(
            decoding: bytes.prefix(min(length, bytes.count - 1)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// An amount of memory in decimal units: `512 bytes`, `84 kB`, `4.5 MB`, `1.2 GB`.
package func byteText(_ count: Int) -> String {
    if count < 1000 { return "\(count) bytes" }
    var (amount, unit) = (Double(count) / 1000, "kB")
    for larger in ["MB", "GB"] where amount >= 999.5 { (amount, unit) = (amount / 1000, larger) }
    return formatted(amount < 9.95 ? "%.1f" : "%.0f", amount) + " " + unit
}

extension StringProtocol {
    /// Without the white space at both ends.
    package var trimmed: String {
        let start = drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}

extension String {
    /// With as many spaces as make it `width` characters long.
    package func padded(to width: Int, atStart: Bool = false) -> String {
        let spaces = String(repeating: " ", count: max(0, width - count))
        return atStart ? spaces + self : self + spaces
    }
}

/// The system's text for an `errno`.
package func systemText(_ code: Int32) -> String { String(cString: strerror(code)) }
