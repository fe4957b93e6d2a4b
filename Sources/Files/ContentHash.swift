import Base
import COpenSSL
import FoundationEssentials
import Glibc

/// SHA-256 of files and of data that arrives in pieces.
package enum ContentHash {
    /// The SHA-256 of a file's content in 64 lower-case hexadecimal digits. Reads in pieces of 1 MiB.
    /// - Throws: `VitvideoError`.
    package static func sha256(ofFile path: String) throws -> String {
        let descriptor = try openForReading(path)
        defer { close(descriptor) }
        let hash = try SHA256Stream()
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { piece.deallocate() }
        while true {
            let count = read(descriptor, piece.baseAddress, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw VitvideoError.system(.inputOutput, cannot: "read", path: path) }
            if count == 0 { return try hash.finish() }
            try hash.update(UnsafeRawBufferPointer(rebasing: piece[..<count]))
        }
    }

    /// The SHA-256 of bytes in memory.
    package static func sha256(of bytes: some ContiguousBytes) throws -> String {
        let hash = try SHA256Stream()
        try bytes.withUnsafeBytes { try hash.update($0) }
        return try hash.finish()
    }
}

/// A SHA-256 in progress. It belongs to one thread; `finish` is called once.
package final class SHA256Stream {
    private let context: OpaquePointer

    /// - Throws: `VitvideoError` where OpenSSL has no SHA-256 to offer.
    package init() throws {
        guard let context = EVP_MD_CTX_new() else { throw Self.failure }
        self.context = context
        guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else { throw Self.failure }
    }

    package func update(_ bytes: UnsafeRawBufferPointer) throws {
        guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else { throw Self.failure }
    }

    /// The digest of everything so far in 64 lower-case hexadecimal digits.
    package func finish() throws -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        guard EVP_DigestFinal_ex(context, &digest, &length) == 1, length == 32 else { throw Self.failure }
        return digest.map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }

    private static var failure: VitvideoError {
        VitvideoError(.badData, cannot: "compute", path: "SHA-256", reason: "OpenSSL refused")
    }

    deinit { EVP_MD_CTX_free(context) }
}
