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

/// The system's text for an `errno`.
package func systemText(_ code: Int32) -> String { String(cString: strerror(code)) }
