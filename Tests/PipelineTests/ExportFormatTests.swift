import Archives
import Fixtures
import Foundation
import Methods
import NumPy
import Pixels
import Testing
import VideoIO

@testable import Pipeline

/// Exports of whole jobs in every format.
@Suite struct ExportFormatTests {
    private static let frames = 5
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        var random = SeededBytes(3)
        for index in 0..<Self.frames {
            let image = RGBImage(height: 48, width: 64, bytes: (0..<48 * 64 * 3).map { _ in random.next() })
            try StillImage.write(image, to: directory.file(String(format: "f%02d.png", index)))
        }
    }

    private func run(_ sources: [any MapSource], to name: String, _ number: ArchiveNumber) throws {
        let sink = try ExportSink(
            ArchiveFormat.create(directory.file(name), overwrite: false), sources: sources, sourceHeight: 48,
            sourceWidth: 64,
            version: "test", number: number)
        let job = AnnotationJob(
            reader: try VideoReader.open(directory.file("f%02d.png")), analysis: Analysis(sources: sources),
            workers: 2, sinks: [sink], stop: StopRequest())
        #expect(try job.runQuietly() == .complete(frames: Self.frames))
    }

    /// The numbers are those of the NumPy archive, whose own are held to the models elsewhere.
    @Test(arguments: [ArchiveFormat.safetensors, .zarr], ArchiveNumber.allCases)
    func formatsHoldTheSame(_ format: ArchiveFormat, _ number: ArchiveNumber) throws {
        let sources = [
            try TinyModels.source("plain", shortSide: 24),
            try TinyModels.source("supervised", shortSide: 40, heads: [2, 0]),
        ]
        try run(sources, to: "maps.npz", .float32)
        try run(sources, to: "maps.\(format.rawValue)", number)
        let exact = try NPZReader(directory.file("maps.npz"))
        let found = try ArchiveReader(directory.file("maps.\(format.rawValue)"))
        let texts = ["meta.plain", "meta.supervised"]
        #expect(Set(exact.names) == Set(found.arrays.keys).union(texts))
        for name in exact.names {
            let array = try exact.array(name)
            if texts.contains(name) {
                #expect(try array.strings() == [try #require(found.texts[name])])
                continue
            }
            let other = try #require(found.arrays[name])
            #expect(other.shape == array.shape && array.shape[0] == Self.frames)
            if number == .float16, array.element == .number(.float32) {
                #expect(other.type == "<f2")
                #expect(other.values(Float16.self) == (try array.floats().map { Float16($0) }))
            } else {
                #expect(other.bytes == array.bytes)
            }
        }
        guard format == .zarr else { return }
        #expect(
            found.arrays.mapValues(\.dimensions) == [
                "frame": ["frame"], "time": ["frame"],
                "attention.plain": ["frame", "head.plain", "row.plain", "col.plain"],
                "attention.supervised": ["frame", "head.supervised", "row.supervised", "col.supervised"],
                "logits.supervised": ["frame", "class_index.supervised"],
            ])
    }

    /// A reader that labels dimensions takes an array of a dimension's name for its labels, and no dimension twice.
    @Test(arguments: [nil, "org/model.v1"]) func dimensionsHaveNamesOfTheirOwn(_ model: String?) {
        for method in MethodRegistry.standard.methods {
            let names = ExportNames(method: method, model: model)
            for array in method.arrays {
                let dimensions = names.dimensions(array.axes)
                #expect(dimensions.count == array.axes.count + 1 && dimensions[0] == "frame")
                #expect(Set(dimensions).count == dimensions.count)
                #expect(!dimensions.contains { $0.contains("/") })
                for other in method.arrays { #expect(!dimensions.contains(names.array(other.name))) }
            }
        }
    }

    @Test func dimensionsAreAxesInTheSingular() throws {
        func dimensions(_ method: String, _ axes: [String]) throws -> [String] {
            let found = try #require(MethodRegistry.standard.methods.first { $0.name == method })
            return ExportNames(method: found, model: nil).dimensions(axes)
        }
        #expect(try dimensions("attention", ["heads", "rows", "cols"]) == ["frame", "head", "row", "col"])
        #expect(try dimensions("features", ["rows", "cols", "3"]) == ["frame", "row", "col", "channel"])
        #expect(
            try dimensions("neuron", ["neurons", "rows", "cols"]) == ["frame", "neuron_index", "row", "col"])
        #expect(
            try dimensions("attention", ["rows", "cols", "rows", "cols", "classes"])
                == ["frame", "row", "col", "row_2", "col_2", "class_index"])
        #expect(try dimensions("attention", ["mass"]) == ["frame", "mass"])
    }
}
