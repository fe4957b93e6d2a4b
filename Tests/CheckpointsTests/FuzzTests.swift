import Base
import Files
import Fixtures
import Foundation
import Testing

@testable import Checkpoints
@testable import NumPy

/// Every parser against files changed at random: it reads them or throws an error of its own. That no byte outside
/// of the file is touched is for the address sanitizer to say, with which `make check-robustness` builds this.
@Suite("Robustness: fuzzed weights") struct FuzzTests {
    /// A parser and the sound files that its inputs are made from.
    enum Parser: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case safetensors = "safetensors header"
        case zip = "zip directory"
        case pickle
        case npy = "npy header"
        case protobuf

        var testDescription: String { rawValue }

        func corpus() throws -> [[UInt8]] {
            switch self {
            case .safetensors: try files("types.safetensors", "tiny_onnx.safetensors")
            case .zip: try files("zip.pth", "stored.npz", "deflated.npz", "odd.npz", "torchscript.pt")
            case .pickle:
                try ["zip.pth", "protocol4.pth", "training.pth", "untyped.pth", "malicious.pth"].map {
                    try entry("data.pkl", of: $0)
                } + files("plain.pkl")
            case .npy:
                try ["stored.npz", "odd.npz"].flatMap { name in
                    let archive = try ZipArchive.open(golden(name))
                    return try archive.entries.map { Array(try archive.read($0).prefix(192)) }
                }
            case .protobuf:
                try files(
                    "tiny.onnx", "typed.onnx", "external.onnx", "../onnx/equal.new.onnx",
                    "../onnx/dynamic.axes.onnx", "../onnx/registers.batch.onnx", "../onnx/hf_dinov2.old.onnx")
            }
        }

        /// Executions, of a short run and of a thorough one.
        var executions: Int { RobustnessTable.isThorough ? 1_000_000 : 4_000 }

        private func files(_ names: String...) throws -> [[UInt8]] {
            try names.map { [UInt8](try Data(contentsOf: URL(fileURLWithPath: golden($0)))) }
        }

        private func entry(_ suffix: String, of name: String) throws -> [UInt8] {
            let archive = try ZipArchive.open(golden(name))
            return try archive.read(try #require(archive.entries.first { $0.name.hasSuffix(suffix) }))
        }

        /// Parses `bytes`, and reads what they hold.
        func parse(_ bytes: [UInt8], _ file: MemoryFile) throws {
            switch self {
            case .safetensors: _ = try bytes.withUnsafeBytes { try SafetensorsHeader($0) }
            case .pickle: _ = try bytes.withUnsafeBytes { try Unpickler.load($0) }
            case .npy: _ = try bytes.withUnsafeBytes { try NPYHeader($0) }
            case .zip:
                try file.write(bytes)
                let archive = try ZipArchive.open(file.path)
                for entry in archive.entries { _ = try archive.read(entry) }
            case .protobuf:
                try file.write(bytes)
                let source = try ONNXFile(MappedFile.open(file.path))
                for index in source.tensors.indices
                where source.tensors[index].description.elementType.isFloatingPoint {
                    _ = try source.floats(index)
                }
            }
        }
    }

    @Test("is read or refused", arguments: Parser.allCases) func mutations(_ parser: Parser) throws {
        var mutator = Mutator(corpus: try parser.corpus(), seed: 2026)
        let file = try MemoryFile()
        let share = 4_000
        for start in stride(from: 0, to: parser.executions, by: share) {
            var passed = 0
            for round in start..<start + share {
                let bytes = mutator.next()
                do {
                    try parser.parse(bytes, file)
                    passed += 1
                } catch is VitvideoError {
                    passed += 1
                } catch {
                    Issue.record("\(parser.rawValue), round \(round): \(error)")
                }
            }
            RobustnessTable.count("weights: \(parser.rawValue)", tried: share, passed: passed)
        }
    }

    /// Names in archives are only ever names: nothing is unpacked, whatever path they give.
    @Test func namesThatLeadOutsideWriteNothing() throws {
        let directory = try TemporaryDirectory()
        // One level down, so that what leads outside leads to where the test looks.
        let inside = directory.file("inside")
        try FileManager.default.createDirectory(atPath: inside, withIntermediateDirectories: false)
        var zip = ZipBuilder()
        let array = NPYHeader.encode(element: .number(.float32), shape: [1]) + [0, 0, 128, 63]
        let names = ["../escaped", directory.file("escaped"), "a/../../escaped", "..\\escaped"]
        for name in names { zip.add(name + ".npy", array) }
        let checkpoint = try Checkpoint.open(try directory.write(zip.archive(), to: "inside/x.npz"))
        for name in names { #expect(try checkpoint.floats(name) == [1]) }
        #expect(try directory.contents == ["inside"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: inside) == ["x.npz"])
        RobustnessTable.count("weights: path traversal", tried: names.count, passed: names.count)
    }
}

/// A file without a name in any directory.
final class MemoryFile {
    private let descriptor: Int32
    var path: String { "/proc/self/fd/\(descriptor)" }

    init() throws {
        descriptor = try AtomicFile.makeScratch(beside: NSTemporaryDirectory() + "fuzz")
    }

    func write(_ bytes: [UInt8]) throws {
        guard ftruncate(descriptor, off_t(bytes.count)) == 0,
            pwrite(descriptor, bytes, bytes.count, 0) == bytes.count
        else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    }

    deinit { close(descriptor) }
}
