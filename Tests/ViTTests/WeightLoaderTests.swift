import Base
import Checkpoints
import Fixtures
import Foundation
import Testing
import ViT

/// What is said of checkpoints that do not fit, and what is read off the shapes of those that do.
@Suite struct WeightLoaderTests {
    typealias Tensor = (name: String, shape: [Int], values: [Float])

    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func configuration(
        family: Configuration.Family = .vit, width: Int = 128, rows: Int = 2, columns: Int = 2
    ) -> Configuration {
        Configuration(
            family: family, patchSize: 2, width: width, depth: 1, heads: width / 64, feedForwardWidth: 8,
            nativeRows: rows, nativeColumns: columns, classes: 3)
    }

    /// Every tensor of a configuration, all values different.
    private func tensors(_ c: Configuration) -> [Tensor] {
        var next: Float = 0
        return CanonicalNames.required(by: c).map { name, shape in
            let values = (0..<shape.reduce(1, *)).map { _ -> Float in
                next += 1
                return next
            }
            return (name, shape, values)
        }
    }

    private func loader(_ tensors: [Tensor], file: String = "w.safetensors") throws -> WeightLoader {
        let path = directory.file(file)
        try Safetensors.write(tensors, to: path)
        return try WeightLoader(try Checkpoint.open(path))
    }

    private func heads(_ count: Int) -> [ToldFacts] { [ToldFacts(ModelFacts(heads: count), from: .option)] }

    private func problems(_ tensors: [Tensor], _ c: Configuration) throws -> [String] {
        do {
            try loader(tensors).check(c)
            return []
        } catch let error as VitvideoError {
            let opening = "the weights do not fit the model: "
            try #require(error.kind == .badData && error.reason.hasPrefix(opening))
            return error.reason.dropFirst(opening.count).components(separatedBy: "; ")
        }
    }

    @Test func everyMismatchIsListed() throws {
        let c = configuration()
        var list = tensors(c)
        #expect(try problems(list, c) == [])
        list.removeAll { $0.name == "norm.bias" }
        let index = try #require(list.firstIndex { $0.name == "blocks.0.norm1.weight" })
        list[index] = ("blocks.0.norm1.weight", [64], [Float](repeating: 0, count: 64))
        list.append(("blocks.0.attn.q_norm.weight", [64], [Float](repeating: 0, count: 64)))
        list.append(("blocks.1.norm1.weight", [128], [Float](repeating: 0, count: 128)))
        #expect(
            try problems(list, c) == [
                "blocks.0.norm1.weight is [64], not [128]", "missing norm.bias",
                "unexpected blocks.0.attn.q_norm.weight", "unexpected blocks.1.norm1.weight",
            ])
    }

    @Test func aNamedGridMayBeOblong() throws {
        let c = configuration(rows: 2, columns: 3)
        let list = tensors(c)
        #expect(try problems(list, c) == [])
        #expect(throws: VitvideoError.self) { try loader(list).settle() }
        let full = try loader(list).weights(for: c)
        #expect(full.patchPositions.count == 6 * c.width)

        // The same without an entry for the class token: nothing is added to it.
        let bare = list.map { tensor -> Tensor in
            tensor.name == "pos_embed"
                ? (tensor.name, [1, 6, c.width], Array(tensor.values[c.width...])) : tensor
        }
        let weights = try loader(bare).weights(for: c)
        #expect(weights.patchPositions == full.patchPositions)
        #expect(weights.specialTokens == list[0].values)
    }

    /// A file of any parts loads by a configuration that names them. (No table knows norm_pre and attn_pool yet.)
    @Test(
        arguments: PartsTests.cases.filter {
            !$0.configuration.normalizesBeforeBlocks && $0.configuration.pooling != .attentionProbe
        })
    func partsSayWhatAFileHolds(_ item: PartsTests.Case) throws {
        let c = item.configuration
        let list = tensors(c)
        #expect(try problems(list, c) == [])
        let loader = try loader(list)
        let weights = try loader.weights(for: c)
        #expect(weights.specialTokens.count == c.specialTokens * c.width)
        #expect(weights.patchPositions.isEmpty == !list.contains { $0.name == "pos_embed" })
        // Thirds without a bias are 0 and take nothing of the others'.
        let bias = try loader.block(0, for: c).qkv.bias
        var stored = list.first { $0.name == "blocks.0.attn.qkv.bias" }?.values ?? []
        for (third, part) in [QKVBias.queries, .keys, .values].enumerated() {
            let found = Array(bias[third * c.width..<(third + 1) * c.width])
            guard c.qkvBias.contains(part) else {
                #expect(found.allSatisfy { $0 == 0 })
                continue
            }
            #expect(found == Array(stored.prefix(c.width)))
            stored.removeFirst(c.width)
        }
        #expect(stored.isEmpty)

        let bare = list.filter { !$0.name.hasSuffix("qkv.bias") && $0.name != "cls_token" }
        #expect(
            try problems(bare, c)
                == (c.prefix.hasClassToken ? ["missing cls_token"] : [])
                + (c.qkvBias.isEmpty
                    ? [] : (0..<c.depth).map { "missing blocks.\($0).attn.qkv.bias" }))
    }

    @Test(arguments: [(128, 2), (1280, 16), (1408, 16), (192, 3)]) func headsByWidth(
        width: Int, heads: Int
    ) throws {
        let c = try loader(tensors(configuration(width: width))).settle().0
        #expect(c.heads == heads)
    }

    @Test func anOddWidthNeedsHeads() throws {
        let odd = try loader(tensors(configuration(width: 96)))
        #expect(throws: VitvideoError.self) { try odd.settle() }
        #expect(try odd.settle(told: heads(3)).0.heads == 3)
        #expect(throws: VitvideoError.self) { try odd.settle(told: heads(5)) }
    }

    @Test func somethingElseIsNamedAsSuch() throws {
        let other = try loader([("conv1.weight", [2], [1, 2])])
        #expect(throws: VitvideoError.self) { try other.settle() }
        #expect(throws: VitvideoError.self) { try other.weights(for: configuration()) }
    }

    @Test func axesAreRearrangedAsByTranspose() {
        let shape = [2, 3, 4]
        let values = (0..<24).map(Float.init)
        let order = AxisOrder([2], [0, 1])
        #expect(order.shape(of: shape) == [4, 6])
        #expect(order.shape(of: [2, 3]) == nil)
        let expected = (0..<4).flatMap { c in (0..<6).map { row in Float(row * 4 + c) } }
        #expect(order.rearranged(values, shape: shape) == expected)
        #expect(AxisOrder([0, 1, 2]).rearranged(values, shape: shape) == values)
        #expect(AxisOrder([1], [0]).rearranged([], shape: [0, 3]) == [])
        let kernel = AxisOrder([3], [2], [0], [1])
        #expect(kernel.shape(of: [1, 2, 3, 2]) == [2, 3, 1, 2])
        #expect(
            kernel.rearranged((0..<12).map(Float.init), shape: [1, 2, 3, 2])
                == [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11])
    }
}
