import Files
import Foundation

/// A safetensors file or a Zarr directory as a reader finds it that knows the specification alone, and checks what that
/// demands.
package struct ArchiveReader {
    /// The values of an array, row-major and little-endian.
    package struct Array: Equatable {
        /// As NumPy calls the type: "<f4".
        package let type: String
        package let shape: [Int]
        package let bytes: [UInt8]
        /// Of Zarr.
        package var dimensions: [String] = []

        package init(type: String, shape: [Int], bytes: [UInt8]) {
            self.type = type
            self.shape = shape
            self.bytes = bytes
        }

        /// The values, of a type of the same size.
        package func values<Value: BitwiseCopyable>(_: Value.Type) -> [Value] {
            let size = MemoryLayout<Value>.size
            return bytes.withUnsafeBytes { raw in
                (0..<raw.count / size).map { raw.loadUnaligned(fromByteOffset: $0 * size, as: Value.self) }
            }
        }
    }

    package struct Malformed: Error, CustomStringConvertible {
        package let description: String
        init(_ description: String) { self.description = description }
    }

    package private(set) var arrays: [String: Array] = [:]
    /// Texts by name; of Zarr the group's attributes.
    package private(set) var texts: [String: String] = [:]

    /// - Throws: `Malformed` for all that the format does not allow or that these archives have no need of.
    package init(_ path: String) throws {
        if path.hasSuffix(".zarr") { try readZarr(path) } else { try readSafetensors(path) }
    }

    private static func object(_ bytes: some DataProtocol) throws -> [String: Any] {
        guard let object = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else {
            throw Malformed("no JSON object")
        }
        return object
    }

    // MARK: Safetensors

    /// https://github.com/huggingface/safetensors#format
    private mutating func readSafetensors(_ path: String) throws {
        let file = try Data(contentsOf: URL(fileURLWithPath: path))
        guard file.count >= 8 else { throw Malformed("no length") }
        let length = (0..<8).reduce(0) { $0 | Int(file[$1]) << (8 * $1) }
        guard length % 8 == 0, 8 + length <= file.count, file[8] == UInt8(ascii: "{") else {
            throw Malformed("a header of \(length) bytes in \(file.count)")
        }
        let types = ["F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8"]
        var places: [Range<Int>] = []
        for (name, value) in try Self.object(file[8..<8 + length]) {
            if name == "__metadata__" {
                guard let metadata = value as? [String: String] else { throw Malformed("metadata") }
                texts = metadata
                continue
            }
            guard let entry = value as? [String: Any], let type = types[entry["dtype"] as? String ?? ""],
                let shape = entry["shape"] as? [Int], let offsets = entry["data_offsets"] as? [Int],
                offsets.count == 2, offsets[0] <= offsets[1], 8 + length + offsets[1] <= file.count,
                let width = type.last?.wholeNumberValue, offsets[0] % width == 0,
                offsets[1] - offsets[0] == width * shape.reduce(1, *)
            else { throw Malformed("entry \(name): \(value)") }
            places.append(offsets[0]..<offsets[1])
            let start = 8 + length
            arrays[name] = Array(
                type: type, shape: shape, bytes: [UInt8](file[(start + offsets[0])..<(start + offsets[1])]))
        }
        var end = 0
        for place in places.sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
            guard place.lowerBound == end else { throw Malformed("a hole at \(end)") }
            end = place.upperBound
        }
        guard 8 + length + end == file.count else { throw Malformed("\(file.count) bytes, \(end) of arrays") }
    }

    // MARK: Zarr

    /// https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html
    private mutating func readZarr(_ path: String) throws {
        func object(_ file: String) throws -> [String: Any] {
            try Self.object(Data(contentsOf: URL(fileURLWithPath: "\(path)/\(file)")))
        }
        let consolidated = try object(".zmetadata")
        guard consolidated["zarr_consolidated_format"] as? Int == 1,
            let metadata = consolidated["metadata"] as? [String: [String: Any]],
            metadata[".zgroup"]?["zarr_format"] as? Int == 2
        else { throw Malformed("no consolidated group") }
        var left = Set(try FileManager.default.subpathsOfDirectory(atPath: path))
        left.remove(".zmetadata")
        for (name, value) in metadata {
            guard NSDictionary(dictionary: try object(name)).isEqual(to: value), left.remove(name) != nil
            else {
                throw Malformed("\(name) is not what is consolidated")
            }
        }
        guard let attributes = metadata[".zattrs"] as? [String: String] else { throw Malformed("attributes") }
        texts = attributes
        for file in metadata.keys where file.hasSuffix("/.zgroup") {
            let group = String(file.dropLast("/.zgroup".count))
            let own = metadata.filter { $0.key.hasPrefix(group + "/") }
            let described = try object("\(group)/.zmetadata")["metadata"] as? [String: [String: Any]] ?? [:]
            guard Set(described.keys.map { "\(group)/\($0)" }) == Set(own.keys),
                described.allSatisfy({
                    NSDictionary(dictionary: $1).isEqual(to: own["\(group)/\($0)"] ?? [:])
                }),
                let attributes = own["\(group)/.zattrs"] as? [String: String]
            else { throw Malformed("group \(group)") }
            for (name, text) in attributes { texts["\(group)/\(name)"] = text }
            left.remove(group)
            left.remove("\(group)/.zmetadata")
        }
        for (file, description) in metadata where file.hasSuffix("/.zarray") {
            let name = String(file.dropLast("/.zarray".count))
            left.remove(name)
            var (array, files) = try Self.array(description, directory: "\(path)/\(name)")
            array.dimensions = metadata["\(name)/.zattrs"]?["_ARRAY_DIMENSIONS"] as? [String] ?? []
            guard array.dimensions.count == array.shape.count else {
                throw Malformed("\(name): dimensions \(array.dimensions) of \(array.shape)")
            }
            arrays[name] = array
            for file in files { left.remove("\(name)/\(file)") }
        }
        guard left.isEmpty else { throw Malformed("beside the arrays are \(left.sorted())") }
    }

    /// - Returns: the array, and the names of its chunks.
    private static func array(
        _ description: [String: Any], directory: String
    ) throws -> (Array, files: [String]) {
        guard let shape = description["shape"] as? [Int], let chunks = description["chunks"] as? [Int],
            let type = description["dtype"] as? String, let width = type.last?.wholeNumberValue,
            description["order"] as? String == "C", description["zarr_format"] as? Int == 2,
            ["compressor", "filters", "fill_value"].allSatisfy({ description[$0] is NSNull }),
            chunks.count == shape.count, chunks.dropFirst() == shape.dropFirst(), chunks[0] > 0
        else { throw Malformed("\(directory): \(description)") }
        var bytes: [UInt8] = []
        var files: [String] = []
        for index in 0..<(shape[0] + chunks[0] - 1) / chunks[0] {
            let file = ([index] + chunks.dropFirst().map { _ in 0 }).map(String.init).joined(separator: ".")
            let chunk = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(file)"))
            guard chunk.count == width * chunks.reduce(1, *) else {
                throw Malformed("\(directory)/\(file) has \(chunk.count) bytes")
            }
            bytes += chunk
            files.append(file)
        }
        bytes.removeLast(bytes.count - width * shape.reduce(1, *))
        return (Array(type: type, shape: shape, bytes: bytes), files)
    }
}

extension TemporaryDirectory {
    /// The bytes of a file, or of all files below a directory by their paths in it; of directories none.
    package func tree(_ name: String) throws -> [String: Data] {
        func bytes(_ path: String) throws -> Data {
            FileSystem.isDirectory(path) ? Data() : try Data(contentsOf: URL(fileURLWithPath: path))
        }
        let whole = file(name)
        guard FileSystem.exists(whole) else { return [:] }
        guard FileSystem.isDirectory(whole) else { return ["": try bytes(whole)] }
        let paths = try FileManager.default.subpathsOfDirectory(atPath: whole)
        return try Dictionary(uniqueKeysWithValues: paths.map { ($0, try bytes("\(whole)/\($0)")) })
    }
}
