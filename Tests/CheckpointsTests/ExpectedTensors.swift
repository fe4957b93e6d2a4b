import Base
import Checkpoints
import Fixtures
import Foundation
import NumPy
import Testing

/// What make_checkpoint_goldens.py puts into its files, written out independently of any reader.
enum ExpectedTensors {
    static let floats: [(name: String, shape: [Int], type: ElementType, values: [Float])] = [
        ("f32", [2, 3, 4], .float32, ExpectedValues.base),
        ("transposed", [4, 3], .float32, (0..<12).map { ExpectedValues.base[$0 % 3 * 4 + $0 / 3] }),
        ("permuted", [4, 2, 3], .float32, (0..<24).map { ExpectedValues.base[$0 % 6 * 4 + $0 / 6] }),
        ("slice", [2, 3], .float32, Array(ExpectedValues.base[4..<10])),
        ("strided", [3, 3], .float32, [6, 8, 10, 12, 14, 16, 18, 20, 22].map { ExpectedValues.base[$0] }),
        ("expanded", [2, 3], .float32, [1, 1, 1, 2, 2, 2]),
        ("scalar", [], .float32, [7.5]),
        ("empty", [0, 5], .float32, []),
        ("parameter", [3], .float32, Array(ExpectedValues.base[..<3])),
        ("f64", [4], .float64, (0..<4).map { Float(Double(ExpectedValues.base[$0]) + 0.1) }),
        ("f16", [8], .float16, ExpectedValues.float16),
        ("bf16", [8], .bfloat16, ExpectedValues.bfloat16),
        ("f16_transposed", [3, 2], .float16, (0..<6).map { ExpectedValues.base[$0 % 2 * 3 + $0 / 2] }),
    ]
    static let others: [(name: String, shape: [Int], type: ElementType)] = [
        ("i64", [2], .int64), ("i32", [2], .int32), ("i16", [2], .int16), ("i8", [2], .int8),
        ("u8", [2], .uint8),
        ("flag", [2], .bool),
    ]

    /// Compares every tensor to the bit.
    static func check(_ checkpoint: Checkpoint) throws {
        #expect(Set(checkpoint.names) == Set(floats.map(\.name) + others.map(\.name)))
        for (name, shape, type, values) in floats {
            #expect(checkpoint[name]?.shape == shape, "\(name)")
            #expect(checkpoint[name]?.elementType == type, "\(name)")
            let bits = values.map(\.bitPattern)
            #expect(try checkpoint.floats(name).map(\.bitPattern) == bits, "\(name)")
        }
        for (name, shape, type) in others {
            #expect(checkpoint[name]?.shape == shape, "\(name)")
            #expect(checkpoint[name]?.elementType == type, "\(name)")
            #expect(throws: VitvideoError.self, "\(name)") { try checkpoint.floats(name) }
        }
    }
}

/// Expects that opening fails with a one-line error of this kind which holds `reason`.
func expectRefusal(
    _ path: String, _ kind: VitvideoError.Kind, _ reason: String,
    _ location: SourceLocation = #_sourceLocation
) {
    let error = #expect(throws: VitvideoError.self, sourceLocation: location) {
        try Checkpoint.open(path)
    }
    guard let error else { return }
    #expect(error.kind == kind, "\(error)", sourceLocation: location)
    #expect(error.description.contains(reason), "\(error)", sourceLocation: location)
    #expect(!error.description.contains("\n"), sourceLocation: location)
}
