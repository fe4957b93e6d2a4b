/// A stack of dense layers as a flow network: what its edges can carry and do carry.
///
/// Level 0 is the block next to the sinks, level `levels − 1` the one at the sources. A level's nodes are the tokens that
/// its block puts out: all `tokens`, at the top level the sources alone. From node i of a level an edge leads to every
/// node j of the level below, at level 0 to every sink j. Capacities are integers, `unit` stands for 1.
package final class LayeredGraph {
    /// The capacity 1. What edges take and carry stays below 2³¹.
    package static let unit: Int32 = 1 << 30

    package let tokens: Int
    package let levels: Int
    /// The tokens at the top where flow begins.
    package let sources: Range<Int>

    /// What the edges out of a level can still take, `nodes × tokens` each; of level 0 nothing is kept here.
    let rest: [UnsafeMutablePointer<Int32>]
    /// What they carry, `tokens × nodes` each: a row holds the edges into a node, the ways back from it.
    let load: [UnsafeMutablePointer<Int32>]
    /// Capacities into the sinks, `tokens × nodes`.
    let intoSinks: UnsafeMutablePointer<Int32>

    package init(tokens: Int, levels: Int, sources: Range<Int>) {
        precondition(levels > 0 && !sources.isEmpty && (0...tokens).contains(sources.upperBound))
        (self.tokens, self.levels, self.sources) = (tokens, levels, sources)
        func zeros(_ count: Int) -> UnsafeMutablePointer<Int32> {
            let start = UnsafeMutablePointer<Int32>.allocate(capacity: count)
            start.initialize(repeating: 0, count: count)
            return start
        }
        func edges(_ level: Int) -> Int { tokens * (level == levels - 1 ? sources.count : tokens) }
        rest = (0..<levels).map { zeros($0 == 0 ? 0 : edges($0)) }
        load = (0..<levels).map { zeros($0 == 0 ? 0 : edges($0)) }
        intoSinks = zeros(edges(0))
    }

    deinit {
        for start in rest + load + [intoSinks] { start.deallocate() }
    }

    /// Bytes that a graph takes.
    static func memoryBytes(tokens: Int, levels: Int, sources: Int) -> Int {
        let edges = levels == 1 ? sources * tokens : tokens * ((2 * levels - 3) * tokens + 2 * sources)
        return edges * MemoryLayout<Int32>.stride
    }

    func nodes(_ level: Int) -> Int { level == levels - 1 ? sources.count : tokens }

    /// Sets the edges out of a token, and takes off what they carry. Tokens at the top that are no source have none.
    ///
    /// - Parameters:
    ///   - row: `tokens` capacities, to be multiplied by `scale`; what is not above 0 gives no edge.
    ///   - diagonal: added to the token's own capacity before.
    package func setEdges(
        level: Int, token: Int, _ row: UnsafeBufferPointer<Float>, plus diagonal: Float, times scale: Float
    ) {
        let isTop = level == levels - 1
        guard !isTop || sources.contains(token) else { return }
        let (node, nodes) = (isTop ? token - sources.lowerBound : token, nodes(level))
        let (rest, load) = (rest[level] + node * tokens, load[level] + node)
        for j in 0..<tokens {
            let value = (row[j] + (j == token ? diagonal : 0)) * scale
            // Not `max`: NaN gives no edge either.
            let capacity = value > 0 ? Int32((min(value, 1) * Float(Self.unit)).rounded()) : 0
            if level == 0 {
                intoSinks[j * nodes + node] = capacity
            } else {
                rest[j] = capacity
                load[j * nodes] = 0
            }
        }
    }

    /// What the edges out of a source take together.
    func capacity(ofSource node: Int) -> Int {
        let nodes = sources.count
        return (0..<tokens).reduce(0) {
            $0 + Int(levels == 1 ? intoSinks[$1 * nodes + node] : rest[levels - 1][node * tokens + $1])
        }
    }
}
