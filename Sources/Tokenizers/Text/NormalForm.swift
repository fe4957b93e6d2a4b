import CUTF8Proc
import Glibc

/// Unicode's normalization forms (Unicode Standard Annex #15).
enum NormalForm {
    /// Canonically composed, and decomposed.
    case nfc, nfd
    /// The same with compatible characters taken for one another: "ﬁ" is "fi".
    case nfkc, nfkd

    func callAsFunction(_ text: Scalars) -> Scalars {
        let options: [utf8proc_option_t] =
            switch self {
            case .nfc: [UTF8PROC_COMPOSE]
            case .nfd: [UTF8PROC_DECOMPOSE]
            case .nfkc: [UTF8PROC_COMPOSE, UTF8PROC_COMPAT]
            case .nfkd: [UTF8PROC_DECOMPOSE, UTF8PROC_COMPAT]
            }
        let bits = options.reduce(UTF8PROC_STABLE.rawValue) { $0 | $1.rawValue }
        var source = text.text
        return source.withUTF8 { bytes in
            var result: UnsafeMutablePointer<utf8proc_uint8_t>?
            let length = utf8proc_map(
                bytes.baseAddress, bytes.count, &result, utf8proc_option_t(rawValue: bits))
            defer { free(result) }
            // Nothing but memory can be missing: a Swift string is valid UTF-8.
            precondition(length >= 0, "utf8proc: \(String(cString: utf8proc_errmsg(length)))")
            return Scalars(String(decoding: UnsafeBufferPointer(start: result, count: length), as: UTF8.self))
        }
    }
}
