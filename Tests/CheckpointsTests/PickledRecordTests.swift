import Base
import Files
import Fixtures
import Foundation
import NumPy
import Testing

@testable import Checkpoints

/// Dictionaries of lists and arrays, as Python writes them (`golden_scripts/augmentation.py`).
@Suite struct PickledRecordTests {
    private func fields(_ pickle: [UInt8]) throws -> [String: PickledField] {
        try pickle.withUnsafeBytes { try PickledRecord.fields($0) }
    }

    @Test(arguments: [2, 4, 5])
    func arraysOfEveryProtocolAreRead(version: Int) throws {
        let path = Fixtures.golden("datasets/data_batch.protocol\(version).pickle").path
        let fields = try fields(try #require(FileSystem.contents(of: path)))
        let data = try Checkpoint.open(Fixtures.golden("datasets/pickled.safetensors").path).floats("data")
        let array = NPYArray(element: .number(.uint8), shape: [3, 3072], bytes: data.map { UInt8($0) })
        #expect(fields["data"] == .array(array))
        #expect(fields["labels"] == .integers([3, 0, 9]))
        #expect(fields["filenames"] == .texts(["a.png", "b.png", "c.png"]))
        // A text by itself is no field.
        #expect(fields["batch_label"] == nil && fields.count == 3)
    }

    @Test func whatIsNoDictionaryIsRefused() {
        #expect(throws: VitvideoError.self) {
            try fields(Array("\u{80}\u{2}]q\0.".unicodeScalars.map { UInt8($0.value) }))
        }
        #expect(throws: VitvideoError.self) { try fields(Array("N.".utf8)) }
        #expect(throws: VitvideoError.self) { try fields([]) }
    }

    @Test func anArrayShorterThanItsShapeIsRefused() throws {
        let path = Fixtures.golden("datasets/data_batch.protocol4.pickle").path
        var bytes = try #require(FileSystem.contents(of: path))
        // BININT2 3072: the array's second size.
        let place = try #require(
            bytes.indices.dropLast(2).first {
                bytes[$0] == UInt8(ascii: "M") && bytes[$0 + 1] == 0 && bytes[$0 + 2] == 12
            })
        bytes[place + 1] = 1
        let error = #expect(throws: VitvideoError.self) { try fields(bytes) }
        #expect(error?.description.contains("'data'") == true)
        #expect(error?.description.contains("9216 bytes are no array of the shape [3, 3073]") == true)
    }
}
