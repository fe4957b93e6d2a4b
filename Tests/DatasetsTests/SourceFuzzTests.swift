import Base
import Files
import Fixtures
import Foundation
import NumPy
import Testing

@testable import Datasets

/// Every source against files changed at random: pictures come out of it, or an error of its own. That no byte outside of the
/// file is touched is for the address sanitizer to say.
@Suite("Robustness: fuzzed pictures to train on") struct SourceFuzzTests {
    enum Source: String, CaseIterable, Sendable {
        case tar = "data.tar"
        case binary = "data_batch_1.bin"
        case pickle = "data_batch_1"
        case arrays = "data.npz"

        func corpus(_ directory: TemporaryDirectory) throws -> [[UInt8]] {
            switch self {
            case .tar:
                var builder = TarBuilder()
                builder.add("a/test.bin", CIFAR.binary(0..<2) { [0, UInt8($0)] })
                builder.add("a/train.bin", CIFAR.binary(0..<3) { [0, UInt8($0)] }, folders: nil)
                builder.add("PaxHeader", Array("21 path=a/train.bin\n\n".utf8), kind: "x")
                builder.add("a/fine_label_names.txt", Array(CIFAR.hundred.joined(separator: "\n").utf8))
                return [builder.archive()]
            case .binary: return [CIFAR.binary(0..<3) { [UInt8($0)] }]
            case .pickle:
                let goldens = try [2, 4, 5].map { version in
                    try #require(
                        FileSystem.contents(
                            of: Fixtures.golden("datasets/data_batch.protocol\(version).pickle").path))
                }
                return goldens + [CIFAR.pickle(0..<2, labels: "labels") { $0 }]
            case .arrays:
                let path = try directory.arrays(
                    "sound.npz",
                    [
                        ("images", .bytes([UInt8](repeating: 7, count: 48), [4, 3, 4])),
                        ("labels", .integers([0, 1, 1, 0])), ("class_names", .texts(["a", "b"])),
                        ("x_test", .floats([Float](repeating: 0.5, count: 12), [1, 3, 4])),
                        ("y_test", .floats([1])),
                    ])
                return [try #require(FileSystem.contents(of: path))]
            }
        }
    }

    @Test(arguments: Source.allCases)
    func aChangedFileIsReadOrRefused(source: Source) throws {
        let directory = try TemporaryDirectory()
        var mutator = Mutator(corpus: try source.corpus(directory), seed: 25)
        let isInFolder = source == .binary || source == .pickle
        let path = try directory.write([1], to: source.rawValue)
        var read = 0
        for _ in 0..<(RobustnessTable.isThorough ? 20_000 : 500) {
            try Data(mutator.next()).write(to: URL(fileURLWithPath: path))
            do {
                let pictures = try LabelledPictures.open(isInFolder ? directory.path : path, options)
                for index in [0, pictures.pictures.count - 1] { _ = try pictures.pictures.picture(index) }
                read += 1
            } catch let error as VitvideoError {
                #expect(!error.description.contains("\n"))
            }
        }
        #expect(read > 0)
    }
}
