import Base

/// A unit of a block: a neuron of the feed-forward part's hidden layer after the activation (for SwiGLU of the
/// gated product), or a channel of queries, keys or values.
package struct NeuronAddress: Sendable, Hashable, CustomStringConvertible {
    package let block: Int
    package let index: Int

    package init(block: Int, index: Int) {
        self.block = block
        self.index = index
    }

    /// Such as `5:120`.
    package var description: String { "\(block):\(index)" }

    /// What a block has many of.
    package struct Units: Sendable, Hashable {
        /// In the singular: "neuron".
        package let name: String
        package let count: Int

        package init(name: String, count: Int) {
            self.name = name
            self.count = count
        }

        /// The hidden values of the feed-forward part, as `fc2` reads them.
        package static func neurons(of configuration: Configuration) -> Units {
            Units(name: "neuron", count: configuration.feedForwardWidth)
        }

        /// `count` indices spread evenly: 0, n/count, 2n/count, …
        package func spread(_ count: Int) -> [Int] { (0..<count).map { $0 * self.count / count } }
    }

    /// The addresses that a list names, each once, in its order: `5:120`, `-1:7` (blocks count from the end as in
    /// Python), `5:100-110` with both ends, `8:*:16` for sixteen spread evenly over a block, and `*` in place of the
    /// block for every block; several with commas between them.
    ///
    /// - Parameter units: nil for neurons of the feed-forward part.
    /// - Throws: `VitvideoError` for a list that is none, `VitvideoError.noSuchBlock`,
    ///   `VitvideoError.noSuchNeuron`.
    package static func list(
        _ text: String, of configuration: Configuration, units: Units? = nil
    ) throws -> [NeuronAddress] {
        let units = units ?? .neurons(of: configuration)
        return try list(text, depth: configuration.depth) { _ in units }
    }

    /// The same of a model whose blocks have different numbers of units.
    ///
    /// - Throws: as above.
    package static func list(
        _ text: String, depth: Int, units: (_ block: Int) -> Units
    ) throws -> [NeuronAddress] {
        var seen: Set<NeuronAddress> = []
        return try text.split(separator: ",", omittingEmptySubsequences: false).flatMap {
            try addresses(String($0), depth: depth, units)
        }.filter { seen.insert($0).inserted }
    }

    private static func addresses(
        _ text: String, depth: Int, _ units: (_ block: Int) -> Units
    ) throws -> [NeuronAddress] {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let any = units(0)
        guard parts.count >= 2 else { throw VitvideoError.noNeuronAddress(text, any) }
        let blocks = try blocks(parts[0], depth: depth) { VitvideoError.noNeuronAddress(text, any) }
        return try blocks.flatMap { block in
            try indices(Array(parts.dropFirst()), of: text, block: block, units(block)).map {
                NeuronAddress(block: block, index: $0)
            }
        }
    }

    /// The units of a block that what follows its number names.
    private static func indices(
        _ parts: [String], of text: String, block: Int, _ units: Units
    ) throws -> [Int] {
        let indices: [Int]
        if parts.count == 2, parts[0] == "*", let count = Int(parts[1]), count > 0 {
            guard count <= units.count else {
                throw VitvideoError.noSuchNeuron(count - 1, block: block, units)
            }
            indices = units.spread(count)
        } else if parts.count == 1, let index = Int(parts[0]) {
            indices = [index]
        } else if parts.count == 1, let range = range(parts[0]) {
            // The ends stand for the range before it is counted out: it may be long.
            for end in [range.lowerBound, range.upperBound] where end >= units.count {
                throw VitvideoError.noSuchNeuron(end, block: block, units)
            }
            indices = Array(range)
        } else {
            throw VitvideoError.noNeuronAddress(text, units)
        }
        if let wrong = indices.first(where: { !(0..<units.count).contains($0) }) {
            throw VitvideoError.noSuchNeuron(wrong, block: block, units)
        }
        return indices
    }

    private static func blocks(
        _ text: String, depth: Int, otherwise problem: () -> VitvideoError
    ) throws -> [Int] {
        if text == "*" { return Array(0..<depth) }
        guard let block = Int(text) else { throw problem() }
        return [try blockIndex(block, depth: depth)]
    }

    /// `100-110`.
    private static func range(_ text: String) -> ClosedRange<Int>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first >= 0, first <= last else {
            return nil
        }
        return first...last
    }
}

extension VitvideoError {
    /// A unit that the block does not have.
    package static func noSuchNeuron(_ index: Int, block: Int, _ units: NeuronAddress.Units) -> VitvideoError
    {
        VitvideoError(
            .usage,
            reason:
                "there is no \(units.name) \(index): layer \(block) has \(units.name)s 0 to \(units.count - 1)"
        )
    }

    /// A text that is no address.
    static func noNeuronAddress(_ text: String, _ units: NeuronAddress.Units) -> VitvideoError {
        VitvideoError(
            .usage, reason: "\(quoted(text)) names no \(units.name)",
            nextStep: .advice(
                "write LAYER:\(units.name.uppercased()), such as 5:120; 5:100-110 for several, "
                    + "or 8:*:16 for sixteen spread over layer 8"))
    }
}
