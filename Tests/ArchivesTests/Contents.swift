import Fixtures
import Foundation
import NumPy

@testable import Archives

/// What an archive holds, whatever its format: type as NumPy calls it, shape and values by name; texts by name.
struct Contents {
    private(set) var arrays: [String: ArchiveReader.Array] = [:]
    private(set) var texts: [String: String] = [:]

    init(_ path: String) throws {
        guard path.hasSuffix(".npz") else {
            let reader = try ArchiveReader(path)
            (arrays, texts) = (reader.arrays, reader.texts)
            return
        }
        let reader = try NPZReader(path)
        for name in reader.names {
            let array = try reader.array(name)
            if case .unicode = array.element {
                texts[name] = try array.strings()[0]
            } else {
                arrays[name] = ArchiveReader.Array(
                    type: array.element.descriptor, shape: array.shape, bytes: array.bytes)
            }
        }
    }

    func values<Value: BitwiseCopyable>(_ name: String, _ type: Value.Type) -> [Value] {
        arrays[name]?.values(type) ?? []
    }
}
