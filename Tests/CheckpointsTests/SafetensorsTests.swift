import Base
import Checkpoints
import Fixtures
import Foundation
import Testing

@Suite("safetensors")
struct SafetensorsTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// A file of a header and as many bytes of data.
    private func file(_ header: String, dataCount: Int, declaredLength: UInt64? = nil) throws -> String {
        let length = declaredLength ?? UInt64(header.utf8.count)
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) }
        return try directory.write(
            bytes + Array(header.utf8) + [UInt8](repeating: 0, count: dataCount), to: "x.safetensors")
    }

    private func expectRefusal(
        _ path: String, _ reason: String, _ location: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: VitvideoError.self, sourceLocation: location) {
            try Checkpoint.open(path)
        }
        #expect(
            error?.description.contains(reason) == true, "\(error?.description ?? "")",
            sourceLocation: location)
        #expect(error?.description.contains("\n") == false, sourceLocation: location)
    }

    @Test("what is written is read back: names, shapes, values to the bit, metadata")
    func roundTrip() throws {
        let path = directory.file("w.safetensors")
        let values: [Float] = [1.5, -0.0, .infinity, .leastNonzeroMagnitude, 3, -7.25]
        try Safetensors.write(
            [
                ("a.weight", [2, 3], values), ("scalar", [], [42]), ("empty", [0, 4], []),
                ("q\"\\\n\u{1F98A}", [1], [9]),
            ],
            metadata: ["source": "line\n\"two\"", "é": "ü"], to: path)
        let checkpoint = try Checkpoint.open(path)
        #expect(checkpoint.format == .safetensors)
        #expect(Set(checkpoint.names) == ["a.weight", "scalar", "empty", "q\"\\\n\u{1F98A}"])
        #expect(checkpoint.metadata == ["source": "line\n\"two\"", "é": "ü"])
        #expect(checkpoint["a.weight"]?.shape == [2, 3])
        #expect(checkpoint["a.weight"]?.elementType == .float32)
        #expect(try checkpoint.floats("a.weight").map(\.bitPattern) == values.map(\.bitPattern))
        #expect(checkpoint["scalar"]?.elementCount == 1)
        #expect(try checkpoint.floats("scalar") == [42])
        #expect(try checkpoint.floats("empty") == [])
        #expect(checkpoint["absent"] == nil)
        #expect(throws: VitvideoError.self) { try checkpoint.floats("absent") }
        #expect(try directory.contents == ["w.safetensors"])
    }

    @Test("writing replaces a file as a whole, and a failed write leaves nothing")
    func atomicWrite() throws {
        let path = try directory.write("old".utf8, to: "w.safetensors")
        #expect(throws: VitvideoError.self) {
            try Safetensors.write([("a", [3], [1, 2])], to: path)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("old".utf8))
        try Safetensors.write([("a", [2], [1, 2])], to: path)
        #expect(try Checkpoint.open(path).floats("a") == [1, 2])
        #expect(try directory.contents == ["w.safetensors"])
        let error = #expect(throws: VitvideoError.self) {
            try Safetensors.write([("a", [1], [1])], to: directory.file("absent/w.safetensors"))
        }
        #expect(error?.kind == .cannotCreate)
        #expect(throws: VitvideoError.self) {
            try Safetensors.write([("a", [1], [1]), ("a", [1], [1])], to: path)
        }
    }

    @Test("a header that lies about its own length is refused before anything is allocated for it")
    func lyingLength() throws {
        expectRefusal(try file("{}", dataCount: 0, declaredLength: 1 << 39), "header is said to be")
        expectRefusal(try file("{}", dataCount: 0, declaredLength: 3), "header is said to be")
        expectRefusal(try file("{}      ", dataCount: 4), "tensors end at byte 16, but the file has 20")
    }

    @Test(
        "offsets that overlap, leave gaps, run backwards or out of the file are refused",
        arguments: [
            ("[0,8]", "[4,12]", "overlaps"), ("[0,8]", "[12,20]", "leaves a gap"),
            ("[0,8]", "[16,8]", "lies at"),
            ("[0,8]", "[8,16000]", "lies at"), ("[0,8]", "[8,15]", "has 7 bytes"),
            ("[0,8]", "[9223372036854775800,9223372036854775807]", "lies at"),
            ("[0,8]", "[8,99999999999999999999]", "too large"), ("[0,8]", "[8]", "lacks"),
            ("[0,8]", "[8,16,24]", "more than 2"),
        ])
    func badOffsets(first: String, second: String, reason: String) throws {
        let header =
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":\(first)},"
            + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":\(second)}}"
        expectRefusal(try file(header, dataCount: 20), reason)
    }

    @Test(
        "shapes whose product overflows, wrong types, double names and malformed JSON are refused",
        arguments: [
            (
                "\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}",
                "too large"
            ),
            (
                "\"a\":{\"dtype\":\"F32\",\"shape\":[0,4294967296,4294967296],\"data_offsets\":[0,0]}",
                "too large"
            ),
            ("\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}", "whole number"),
            ("\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}", "malformed"),
            ("\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}", "type 'F8_E4M3'"),
            ("\"a\\u001b[31m\":{\"dtype\":\"X\",\"shape\":[4],\"data_offsets\":[0,4]}", "a\\u{1B}[31m"),
            ("\"a\":{\"shape\":[4],\"data_offsets\":[0,4]}", "lacks its type"),
            ("\"a\":7", "malformed"), ("\"a\":{\"dtype\":\"F32\"", "lacks"),
            ("\"\\ud800\":{}", "surrogate"),
            ("\"\\q\":{}", "unknown escape"), ("\"a\":{\"x\":}", "malformed"),
        ])
    func badHeaders(member: String, reason: String) throws {
        expectRefusal(try file("{\(member)}", dataCount: 4), reason)
    }

    @Test("a name that comes twice is refused")
    func doubleName() throws {
        let header =
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
            + "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}"
        expectRefusal(try file(header, dataCount: 2), "two tensors are named 'a'")
    }

    @Test("JSON nested a million deep is refused, not recursed into")
    func deepNesting() throws {
        let deep = String(repeating: "[", count: 1_000_000)
        expectRefusal(try file("{\"a\":{\"x\":\(deep)", dataCount: 0), "nested more than 64 deep")
    }

    @Test("a list of a million sizes is refused")
    func longShape() throws {
        let sizes = String(repeating: "1,", count: 1_000_000) + "1"
        expectRefusal(try file("{\"a\":{\"shape\":[\(sizes)]}}", dataCount: 0), "more than 32 numbers")
    }

    @Test("every shorter prefix of a good file is an error, never a crash")
    func truncation() throws {
        let path = directory.file("w.safetensors")
        try Safetensors.write(
            [("a", [2, 2], [1, 2, 3, 4]), ("b", [1], [5])], metadata: ["k": "v"], to: path)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for length in 0..<whole.count {
            let cut = try directory.write(whole.prefix(length), to: "cut")
            #expect(throws: VitvideoError.self, "\(length) bytes") { try Checkpoint.open(cut) }
        }
    }

    @Test("integers are described but are no floating-point numbers")
    func integers() throws {
        let path = try file("{\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}}", dataCount: 8)
        let checkpoint = try Checkpoint.open(path)
        #expect(checkpoint["n"]?.elementType == .int64)
        let error = #expect(throws: VitvideoError.self) { try checkpoint.floats("n") }
        #expect(error?.description.contains("holds int64") == true)
    }
}
