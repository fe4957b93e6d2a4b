import Base
import Foundation

/// A Vision Transformer with its weights: immutable, shared by all workers.
///
/// The blocks' weights, which are nearly all of them, stay in the file until they are asked for: an `Engine` packs
/// its own copies and has no use for plain ones beside them.
package final class Model: Sendable {
    package let configuration: Configuration
    /// What to call the model in captions and metadata.
    package let name: String
    /// SHA-256 of the weights file in hexadecimal, for provenance; empty for weights made in memory.
    package let weightsHash: String
    let weights: Weights
    private let positions = PositionCache()
    private let readBlock: ReadBlock
    private let keptBlocks: Lazy<[BlockWeights]>

    /// Gives the weights of a block.
    typealias ReadBlock = @Sendable (_ index: Int) throws -> BlockWeights

    init(
        configuration: Configuration, name: String, weightsHash: String, weights: Weights,
        readBlock: @escaping ReadBlock
    ) {
        self.configuration = configuration
        self.name = name
        self.weightsHash = weightsHash
        self.weights = weights
        self.readBlock = readBlock
        keptBlocks = Lazy { try (0..<configuration.depth).map(readBlock) }
    }

    /// Reads one block's weights, anew at every call.
    ///
    /// - Throws: `CheckpointError` where the file cannot be read.
    func block(reading index: Int) throws -> BlockWeights { try readBlock(index) }

    /// The weights of all blocks, read at the first call and kept from then on.
    ///
    /// - Throws: `CheckpointError` where the file cannot be read.
    func blocks() throws -> [BlockWeights] { try keptBlocks() }

    /// Positions of the patches on a grid, `rows · columns × D`, interpolated once per grid.
    package func patchPositions(rows: Int, columns: Int) -> [Float] {
        positions.value(rows: rows, columns: columns) {
            PositionEmbedding.interpolated(
                weights.patchPositions, configuration: configuration, rows: rows, columns: columns)
        }
    }

    /// The block that an index names, negative indices counting from the end as in Python.
    ///
    /// - Throws: `ModelError.noSuchBlock`.
    package func block(at index: Int) throws -> Int {
        let depth = configuration.depth
        guard (-depth..<depth).contains(index) else {
            throw ModelError.noSuchBlock(index, depth: depth)
        }
        return index < 0 ? index + depth : index
    }
}

/// The position table of the grid last asked for. A clip has one grid, so one entry is enough.
///
/// Safe to share: `entry` is only touched under `lock`.
private final class PositionCache: @unchecked Sendable {
    private let lock = NSLock()
    private var entry: (rows: Int, columns: Int, values: [Float])?

    func value(rows: Int, columns: Int, make: () -> [Float]) -> [Float] {
        lock.withLock {
            if let entry, entry.rows == rows, entry.columns == columns { return entry.values }
            let values = make()
            entry = (rows, columns, values)
            return values
        }
    }
}
