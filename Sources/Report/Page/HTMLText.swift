import Base

/// Text made safe for a page.
enum HTMLText {
    /// The text with the characters that HTML reads as its own written as references, for element content and
    /// quoted attributes. Bytes of a file's name that are not UTF-8 read `\xE9`; control characters, which HTML does not allow, become U+FFFD.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in FileName.shown(text).unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\t", "\n", "\r": result += " "
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
