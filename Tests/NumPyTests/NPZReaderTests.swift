import Base
import Checkpoints
import Fixtures
import Foundation
import NumPy
import Testing

@Suite("Reading NumPy archives")
struct NPZReaderTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("what NumPy writes, stored and deflated", arguments: ["stored.npz", "deflated.npz"])
    func arrays(name: String) throws {
        let reader = try NPZReader(golden(name))
        let base = ExpectedValues.base
        #expect(reader.names.first == "Transformer/encoderblock_0/kernel")
        #expect(try reader.array("Transformer/encoderblock_0/kernel").shape == [2, 3, 4])
        #expect(try reader.array("Transformer/encoderblock_0/kernel").floats() == base)
        #expect(try reader.array("fortran").shape == [2, 3, 4])
        #expect(try reader.array("fortran").floats() == base)
        #expect(try reader.array("scalar").floats() == [7.5])
        #expect(try reader.array("scalar").shape == [])
        #expect(try reader.array("empty").shape == [0, 5])
        #expect(try reader.array("f64").doubles() == (0..<4).map { Double(base[$0]) + 0.1 })
        #expect(
            try reader.array("f16").floats().map(\.bitPattern) == ExpectedValues.float16.map(\.bitPattern))
        #expect(
            try reader.array("bf16").floats().map(\.bitPattern) == ExpectedValues.bfloat16.map(\.bitPattern))
        #expect(try reader.array("i64").int64s() == [1, -(1 << 40)])
        #expect(try reader.array("i32").int32s() == [1, -2])
        #expect(try reader.array("u1").bytes == [1, 255])
        #expect(try reader.array("i64").integers() == [1, -(1 << 40)])
        #expect(try reader.array("i32").integers() == [1, -2])
        #expect(try reader.array("u1").integers() == [1, 255])
        #expect(try reader.array("b1").integers() == [1, 0])
        #expect(throws: VitvideoError.self) { try reader.array("f64").integers() }
        #expect(try reader.array("u1").element == .number(.uint8))
        #expect(try reader.array("b1").bytes == [1, 0])
        #expect(try reader.array("text").strings() == ["{\"é\": \"🦊\"}"])
        #expect(try reader.array("texts").strings() == ["a", "bcd", ""])
        #expect(try reader.array("bytes").strings() == ["ab", "c"])
        #expect(try reader.array("zeros").floats() == [Float](repeating: 0, count: 4096))
        #expect(throws: VitvideoError.self) { try reader.array("absent") }
        #expect(throws: VitvideoError.self) { try reader.array("i64").floats() }
        #expect(throws: VitvideoError.self) { try reader.array("f64").int64s() }
        #expect(throws: VitvideoError.self) { try reader.array("f64").strings() }
    }

    @Test("as a checkpoint: numbers only, names with slashes", arguments: ["stored.npz", "deflated.npz"])
    func checkpoint(name: String) throws {
        let checkpoint = try Checkpoint.open(golden(name))
        #expect(checkpoint.format == .npz)
        #expect(!checkpoint.names.contains("text"))
        #expect(checkpoint["fortran"]?.shape == [2, 3, 4])
        #expect(try checkpoint.floats("Transformer/encoderblock_0/kernel") == ExpectedValues.base)
        #expect(try checkpoint.floats("fortran") == ExpectedValues.base)
        #expect(checkpoint["bf16"]?.elementType == .bfloat16)
    }

    @Test("header versions 2 and 3; types that are not read say so")
    func odd() throws {
        let reader = try NPZReader(golden("odd.npz"))
        for name in ["version2", "version3"] {
            #expect(try reader.array(name).floats() == Array(ExpectedValues.base[..<4]))
        }
        for name in ["big", "complex", "date", "record", "object"] {
            let error = #expect(throws: VitvideoError.self) { try reader.array(name) }
            #expect(error?.kind == .badData, "\(name): \(error?.description ?? "")")
            #expect(error?.reason.contains(name == "record" ? "records" : "of the NumPy type") == true)
        }
        expectRefusal(golden("odd.npz"), .badData, "its array 'big'")
    }

    /// Expects that opening as a checkpoint fails with an error of this kind which holds `reason`.
    private func expectRefusal(
        _ path: String, _ kind: VitvideoError.Kind, _ reason: String,
        _ location: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: VitvideoError.self, sourceLocation: location) {
            try Checkpoint.open(path)
        }
        #expect(
            error?.kind == kind && error?.reason.contains(reason) == true, "\(error?.description ?? "")",
            sourceLocation: location)
    }

    private func array(_ header: String, data: Int = 16, version: UInt8 = 1, length: Int? = nil) throws
        -> String
    {
        let text = Array(header.utf8)
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [version, 0]
        bytes +=
            version == 1
            ? ZipBuilder.bytes(UInt16(length ?? text.count)) : ZipBuilder.bytes(UInt32(length ?? text.count))
        bytes += text + [UInt8](repeating: 0, count: data)
        var zip = ZipBuilder()
        zip.add("a.npy", bytes)
        return try directory.write(zip.archive(), to: "x.npz")
    }

    @Test("the hand-made array is good as long as it does not lie")
    func honest() throws {
        let path = try array("{'shape': (2L, 2,), \"fortran_order\":False,'descr': '<f4'}\n")
        #expect(try NPZReader(path).array("a").shape == [2, 2])
    }

    @Test(
        "headers that lie or are malformed are refused",
        arguments: [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}", "asks for 20 bytes, but 16"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", "asks for 12 bytes, but 16"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "too large"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296)}", "too large"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "malformed"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "malformed"),
            ("{'descr': '<U4294967295', 'fortran_order': False, 'shape': (4294967296,)}", "too large"),
            ("{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000000,)}", "no size"),
            ("{'descr': '<f4', 'fortran_order': 0, 'shape': (4,)}", "malformed"),
            ("{'descr': '<f4', 'shape': (4,)}", "malformed"), ("{'descr': '<f4", "too early"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'x': 1}", "unknown field"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (4,)} x", "malformed"), ("", "malformed"),
            ("__import__('os').system('true')", "malformed"),
        ])
    func liars(header: String, reason: String) throws {
        let path = try array(header)
        let error = #expect(throws: VitvideoError.self) { try NPZReader(path).array("a") }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
        #expect(throws: VitvideoError.self) { try Checkpoint.open(path) }
    }

    @Test("a header length beyond the file, and an unknown version")
    func lengths() throws {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}"
        for path in [try array(header, length: 60_000), try array(header, version: 2, length: 0x7fff_ffff)] {
            #expect(throws: VitvideoError.self) { try NPZReader(path).array("a") }
        }
        let error = #expect(throws: VitvideoError.self) {
            try NPZReader(array(header, version: 9)).array("a")
        }
        #expect(error?.kind == .badData && error?.reason.contains("version 9") == true)
    }

    @Test("zip bombs: sizes declared beyond reason, and contents other than declared")
    func bombs() throws {
        var zip = ZipBuilder()
        zip.add("a.npy", [0x03, 0x00], declaredSize: 0x7fff_ffff, method: 8)
        expectRefusal(
            try directory.write(zip.archive(), to: "bomb.npz"), .badData, "claims 2147483647 bytes")

        // One deflated block of a single zero byte, declared as more and as less.
        for declared in [0, 2, 500_000] {
            zip = ZipBuilder()
            zip.add("a.npy", [0x63, 0x00, 0x00], declaredSize: declared, method: 8, checksum: 0xd202_ef8d)
            let reader = try NPZReader(directory.write(zip.archive(), to: "lie.npz"))
            #expect(throws: VitvideoError.self, "\(declared)") { try reader.array("a") }
        }
        zip = ZipBuilder()
        zip.add("a.npy", [1, 2, 3], declaredSize: 1_000_000)
        #expect(throws: VitvideoError.self) {
            try NPZReader(directory.write(zip.archive(), to: "s.npz")).array("a")
        }
    }

    @Test("a wrong checksum, names twice, other archives, no archive")
    func damage() throws {
        var zip = ZipBuilder()
        zip.add("a.npy", [1, 2, 3], checksum: 7)
        let error = #expect(throws: VitvideoError.self) {
            try NPZReader(directory.write(zip.archive(), to: "c.npz")).array("a")
        }
        #expect(error?.description.contains("CRC") == true, "\(error?.description ?? "")")
        zip = ZipBuilder()
        zip.add("a.npy", [1])
        zip.add("a.npy", [2])
        #expect(throws: VitvideoError.self) { try NPZReader(directory.write(zip.archive(), to: "d.npz")) }
        zip = ZipBuilder()
        zip.add("readme.txt", [1])
        expectRefusal(try directory.write(zip.archive(), to: "e.zip"), .badData, "zip archive without")
        expectRefusal(
            try directory.write(ZipBuilder().archive(), to: "f.npz"), .badData, "zip archive without")
        #expect(throws: VitvideoError.self) { try NPZReader(directory.write("text".utf8, to: "g.npz")) }
    }
}
