import Base
import Files
import NumPy

/// The tensors of several files that make up one model, as an index beside them tells:
/// `{"weight_map": {"embeddings.cls_token": "model-00001-of-00002.safetensors", …}}`.
struct ShardedTensors: TensorSource {
    let tensors: [(name: String, description: TensorDescription)]
    let metadata: [String: String]
    /// The files, in the order of their names.
    let paths: [String]
    private let parts: [Checkpoint]
    /// By tensor, the file that has it.
    private let places: [Int]

    /// Far above what the largest published models have.
    private static let largestIndex = 64 << 20
    private static let mostFiles = 4096

    /// - Throws: `VitvideoError` where the index is malformed or names files elsewhere, and where a file is missing,
    ///   damaged, or lacks a tensor that the index says it has.
    init(index path: String) throws {
        let map = try ShardedTensors.map(path)
        let folder = path.parentPath + "/"
        let files = try Self.files(in: map)
        paths = files.map { folder + $0 }
        parts = try paths.map { try Checkpoint.open($0) }
        let order = Dictionary(uniqueKeysWithValues: files.enumerated().map { ($1, $0) })
        var tensors: [(name: String, description: TensorDescription)] = []
        var places: [Int] = []
        for (name, file) in map {
            guard let place = order[file], let description = parts[place][name] else {
                throw VitvideoError.badData(
                    "\(quoted(file)) has no tensor \(quoted(name)), which the index says")
            }
            tensors.append((name, description))
            places.append(place)
        }
        guard !tensors.isEmpty else { throw VitvideoError.badData("it names no tensors") }
        (self.tensors, self.places) = (tensors, places)
        metadata = parts.first?.metadata ?? [:]
    }

    /// The files that an index names, sorted.
    ///
    /// - Throws: `VitvideoError` where they are too many or not beside the index.
    static func files(in map: [(name: String, file: String)]) throws -> [String] {
        let files = Set(map.map(\.file)).sorted()
        guard files.count <= mostFiles else {
            throw VitvideoError.badData("it names more than \(mostFiles) files")
        }
        for file in files where file.contains("/") || file.isEmpty || file.hasPrefix(".") {
            throw VitvideoError.badData("it names \(quoted(file)), which is no file beside it")
        }
        return files
    }

    /// By tensor, the file that an index says has it.
    static func map(_ path: String) throws -> [(name: String, file: String)] {
        let file = try MappedFile.open(path)
        guard file.count <= largestIndex else {
            throw VitvideoError.badData("an index of \(file.count) bytes is too long")
        }
        return try file.withBytes { bytes in
            var map: [(name: String, file: String)] = []
            var scanner = JSONScanner(bytes)
            try scanner.object { scanner, key in
                guard key == "weight_map" else { return try scanner.skipValue() }
                try scanner.object { scanner, name in map.append((name, try scanner.string())) }
            }
            try scanner.end()
            return map
        }
    }

    func floats(_ index: Int) throws -> [Float] { try parts[places[index]].floats(tensors[index].name) }
}
