import Base
import Files
import Fixtures
import Foundation
import Testing

@Suite("SHA-256")
struct ContentHashTests {
    @Test("FIPS 180-4's examples, whole and in pieces")
    func knownDigests() throws {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(try ContentHash.sha256(of: Data("abc".utf8)) == abc)
        let stream = try SHA256Stream()
        for byte in "abc".utf8 { try withUnsafeBytes(of: byte) { try stream.update($0) } }
        #expect(try stream.finish() == abc)
        #expect(
            try ContentHash.sha256(of: Data())
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test("a file longer than one piece")
    func file() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write([UInt8](repeating: UInt8(ascii: "a"), count: 3_000_000), to: "million")
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 3_000_000)
        #expect(try ContentHash.sha256(ofFile: path) == ContentHash.sha256(of: bytes))
        let million = try directory.write([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000), to: "m")
        #expect(
            try ContentHash.sha256(ofFile: million)
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("no file, or a directory, is an error of kind noInput")
    func absent() throws {
        let directory = try TemporaryDirectory()
        for path in [directory.file("absent"), directory.path] {
            let error = #expect(throws: VitvideoError.self) { try ContentHash.sha256(ofFile: path) }
            #expect(error?.kind == .noInput)
        }
    }
}
