import FoundationEssentials
import Glibc

/// Names of files as text that gives their bytes back.
///
/// Linux's names are bytes, mostly UTF-8 but not always; a Swift `String` replaces what is not UTF-8. Here each
/// byte B that is not part of valid UTF-8 becomes the scalar U+10FF00 + B, of the last 128 of the private use
/// area. A name that holds such a scalar itself has its four bytes carried in the same way. So any two names
/// differ as text, and `bytes(of:)` is the inverse of `text(of:)`.
package enum FileName {
    private static let firstScalar: UInt32 = 0x10FF80
    private static let offset: UInt32 = 0x10FF00

    /// The text of a name.
    package static func text(of bytes: some Collection<UInt8>) -> String {
        if let text = valid(bytes) { return text }
        var scalars = String.UnicodeScalarView()
        var rest = Array(bytes)[...]
        while let byte = rest.first {
            if let text = valid(rest.prefix(length(after: byte))) {
                scalars.append(contentsOf: text.unicodeScalars)
                rest = rest.dropFirst(text.utf8.count)
            } else {
                if let scalar = Unicode.Scalar(offset + UInt32(byte)) { scalars.append(scalar) }
                rest = rest.dropFirst()
            }
        }
        return String(scalars)
    }

    /// The text of a name that ends with a zero.
    package static func text(of name: UnsafePointer<CChar>) -> String {
        text(of: UnsafeRawBufferPointer(start: name, count: strlen(name)))
    }

    /// The bytes of a name.
    package static func bytes(of text: String) -> [UInt8] {
        guard text.unicodeScalars.contains(where: carriesByte) else { return Array(text.utf8) }
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            if carriesByte(scalar) {
                bytes.append(UInt8(scalar.value - offset))
            } else {
                bytes += UTF8.encode(scalar)!
            }
        }
        return bytes
    }

    /// The name for people: a byte that is not UTF-8 reads `\xE9`.
    package static func shown(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: carriesByte) else { return text }
        return text.unicodeScalars.reduce(into: "") { result, scalar in
            if let escaped = shown(scalar) {
                result += escaped
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
    }

    /// The same of a scalar; nil for one that stands for itself.
    static func shown(_ scalar: Unicode.Scalar) -> String? {
        carriesByte(scalar) ? "\\x" + String(scalar.value - offset, radix: 16, uppercase: true) : nil
    }

    /// The environment's variables, which often are names of files.
    package static var environment: [String: String] {
        ProcessInfo.processInfo.environment.reduce(into: [:]) {
            $0[$1.key] = getenv($1.key).map { text(of: $0) }
        }
    }

    private static func carriesByte(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= firstScalar }

    /// The text where all is UTF-8 and no scalar has another meaning here.
    private static func valid(_ bytes: some Collection<UInt8>) -> String? {
        guard let text = String(validating: bytes, as: UTF8.self),
            !text.unicodeScalars.contains(where: carriesByte)
        else { return nil }
        return text
    }

    /// How many bytes a character of UTF-8 has that begins with `byte`.
    private static func length(after byte: UInt8) -> Int {
        switch byte {
        case 0xF0...: 4
        case 0xE0...: 3
        case 0xC0...: 2
        default: 1
        }
    }
}

extension String {
    /// Lends the bytes of a path, ended by a zero, to a call of C.
    package func withPath<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        var bytes = FileName.bytes(of: self)
        bytes.append(0)
        return try bytes.withUnsafeBytes { try body($0.assumingMemoryBound(to: CChar.self).baseAddress!) }
    }
}
