import Base
import Probing
import Testing

/// Exact maximum flows through dense layers, against cuts and a second way to find them.
@Suite struct LayeredFlowTests {
    /// A graph and its capacities as integers, the level next to the sinks first.
    private struct Network {
        let tokens: Int
        let sources: Range<Int>
        let supplies: [Int]
        /// `level, row, column`.
        let capacities: [[[Int]]]
        let flow: LayeredFlow

        private static var unit: Int { Int(LayeredGraph.unit) }

        /// - Parameters:
        ///   - supplies: of the sources, in units of 1/1024.
        ///   - capacities: in the same units, which are exact.
        init(_ capacities: [[[Int]]], sources: Range<Int> = 0..<1, supplies: [Int] = [1024]) {
            tokens = capacities[0].count
            self.sources = sources
            let graph = LayeredGraph(tokens: tokens, levels: capacities.count, sources: sources)
            for (level, matrix) in capacities.enumerated() {
                for (token, row) in matrix.enumerated() {
                    row.map { Float($0) }.withUnsafeBufferPointer {
                        graph.setEdges(level: level, token: token, $0, plus: 0, times: 1 / 1024)
                    }
                }
            }
            self.capacities = capacities
            // What a source supplies at most is what its edges take.
            self.supplies = zip(sources, supplies).map { min($1, capacities.last![$0].reduce(0, +)) }
            flow = LayeredFlow(graph: graph)
            flow.begin(supplies: supplies.map { Float($0) / 1024 })
        }

        static func random(
            tokens: Int, levels: Int, sources: Range<Int>, from random: inout SplitMix64
        ) -> Network {
            let capacities = (0..<levels).map { level in
                // Between the block at the sources and that at the sinks edges are narrow.
                let (most, own) = level > 0 && level < levels - 1 ? (4, 6) : (400, 300)
                return (0..<tokens).map { row in
                    (0..<tokens).map { column in
                        // Many edges that there are not; strong ones from a token to itself.
                        let value = Int(random.next() % 8) < 3 ? 0 : Int(random.next() % UInt64(most))
                        return row == column ? value + own : value
                    }
                }
            }
            let supplies = sources.map { _ in max(1, 1024 / sources.count - Int(random.next() % 100)) }
            return Network(capacities, sources: sources, supplies: supplies)
        }

        /// In units of 1/1024.
        func maximum(to sink: Int) throws -> Int {
            let value = try flow.maximum(to: sink)
            #expect(value % (Self.unit / 1024) == 0)
            return value / (Self.unit / 1024)
        }

        /// The least capacity of a cut, over all ways to put each node on the supply's side or the sink's.
        func minimumCut(to sink: Int) -> Int {
            let levels = capacities.count
            let counts = (0..<levels).map { $0 == levels - 1 ? sources.count : tokens }
            let places = counts.indices.map { counts[..<$0].reduce(0, +) }
            func isCut(_ cut: Int, _ level: Int, _ node: Int) -> Bool {
                cut >> (places[level] + node) & 1 == 1
            }
            func row(_ level: Int, _ node: Int) -> [Int] {
                capacities[level][level == levels - 1 ? sources.lowerBound + node : node]
            }
            return (0..<1 << counts.reduce(0, +)).map { cut in
                var sum = 0
                for node in 0..<counts[levels - 1] where isCut(cut, levels - 1, node) {
                    sum += supplies[node]
                }
                for level in 0..<levels {
                    for node in 0..<counts[level] where !isCut(cut, level, node) {
                        if level == 0 {
                            sum += row(0, node)[sink]
                        } else {
                            for below in 0..<tokens where isCut(cut, level - 1, below) {
                                sum += row(level, node)[below]
                            }
                        }
                    }
                }
                return sum
            }.min() ?? 0
        }

        /// By one shortest way after the other through the residual graph (Edmonds & Karp), all nodes in one matrix.
        func byShortestWays(to sink: Int) -> Int {
            let levels = capacities.count
            let (end, start) = (levels * tokens, levels * tokens + 1)
            var rest = [[Int]](repeating: [Int](repeating: 0, count: start + 1), count: start + 1)
            for (level, matrix) in capacities.enumerated() {
                for (node, row) in matrix.enumerated() {
                    if level == 0 {
                        rest[node][end] = row[sink]
                    } else {
                        for below in 0..<tokens {
                            rest[level * tokens + node][(level - 1) * tokens + below] = row[below]
                        }
                    }
                }
            }
            for (source, supply) in zip(sources, supplies) {
                rest[start][(levels - 1) * tokens + source] = supply
            }
            var flow = 0
            while true {
                var before = [Int?](repeating: nil, count: start + 1)
                before[start] = start
                var queue = [start]
                var next = 0
                while next < queue.count, before[end] == nil {
                    for other in 0...start where rest[queue[next]][other] > 0 && before[other] == nil {
                        before[other] = queue[next]
                        queue.append(other)
                    }
                    next += 1
                }
                var way = [end]
                while let last = way.last, last != start {
                    guard let node = before[last] else { return flow }
                    way.append(node)
                }
                let amount = zip(way.dropFirst(), way).map { rest[$0][$1] }.min() ?? 0
                for (from, to) in zip(way.dropFirst(), way) {
                    rest[from][to] -= amount
                    rest[to][from] += amount
                }
                flow += amount
            }
        }
    }

    /// Three tokens, two blocks: the flow to a sink is Σ min(into the middle token, out of it to the sink).
    @Test func aHandExampleOfTwoBlocks() throws {
        let network = Network([
            [[512, 256, 256], [100, 824, 100], [0, 24, 1000]],
            [[600, 300, 124], [0, 0, 0], [0, 0, 0]],
        ])
        #expect(try network.maximum(to: 0) == 512 + 100 + 0)
        #expect(try network.maximum(to: 1) == 256 + 300 + 24)
        #expect(try network.maximum(to: 2) == 256 + 100 + 124)
    }

    /// Three tokens, three blocks: into sink 0 lead edges of 300, 200 and 400, and the edge of 350 is all that leads to
    /// the last of them.
    @Test func aHandExampleOfThreeBlocks() throws {
        let network = Network([
            [[300, 0, 0], [200, 0, 0], [400, 0, 0]],
            [[500, 250, 0], [100, 50, 350], [0, 0, 0]],
            [[600, 400, 0], [0, 0, 0], [0, 0, 0]],
        ])
        #expect(try network.maximum(to: 0) == 850)
        #expect(try network.maximum(to: 1) == 0)
        #expect(network.minimumCut(to: 0) == 850)
    }

    /// What is given to one sink must be taken back for the next: both of its ways cross.
    @Test func theSecondSinkTakesBackTheFirstOnesWay() throws {
        let network = Network([
            [[1000, 0, 0], [10, 1000, 0], [0, 20, 0]],
            [[500, 0, 0], [400, 500, 0], [0, 0, 1000]],
            [[300, 500, 224], [0, 0, 0], [0, 0, 0]],
        ])
        for sink in [0, 1, 0, 2, 1] {
            #expect(try network.maximum(to: sink) == network.minimumCut(to: sink))
        }
        #expect(try network.maximum(to: 0) == 710 && network.maximum(to: 1) == 520)
    }

    @Test(arguments: 1...3, 1...5) func theLeastCutIsAsLarge(levels: Int, tokens: Int) throws {
        var random = SplitMix64(seed: UInt64(levels * 10 + tokens))
        for round in 0..<6 {
            // The class token alone, and the tokens behind it.
            let sources = round % 2 == 0 || tokens < 3 ? 0..<1 : 1..<tokens
            let network = Network.random(tokens: tokens, levels: levels, sources: sources, from: &random)
            for sink in 0..<tokens {
                let found = try network.maximum(to: sink)
                #expect(found == network.minimumCut(to: sink), "round \(round), sink \(sink)")
            }
        }
    }

    @Test(arguments: 1...5, [0..<1, 3..<14]) func asManyShortWaysGive(levels: Int, sources: Range<Int>) throws
    {
        var random = SplitMix64(seed: UInt64(levels))
        let network = Network.random(tokens: 14, levels: levels, sources: sources, from: &random)
        var isBelowBound = false
        for sink in 0..<14 {
            let found = try network.maximum(to: sink)
            #expect(found == network.byShortestWays(to: sink), "sink \(sink)")
            let bound = network.flow.bound(to: sink) / (Int(LayeredGraph.unit) / 1024)
            #expect(found <= bound)
            isBelowBound = isBelowBound || found < bound
        }
        // Edges inside count somewhere.
        #expect(isBelowBound || levels < 3)
    }

    /// Edges are set anew for the next picture, and nothing of the last is left.
    @Test func aGraphIsUsedAgain() throws {
        var random = SplitMix64(seed: 4)
        let first = Network.random(tokens: 9, levels: 4, sources: 0..<1, from: &random)
        let second = Network.random(tokens: 9, levels: 4, sources: 0..<1, from: &random)
        for sink in 0..<9 { _ = try first.maximum(to: sink) }
        for (level, matrix) in second.capacities.enumerated() {
            for (token, row) in matrix.enumerated() {
                row.map { Float($0) }.withUnsafeBufferPointer {
                    first.flow.graph.setEdges(level: level, token: token, $0, plus: 0, times: 1 / 1024)
                }
            }
        }
        first.flow.begin(supplies: [1])
        for sink in 0..<9 { #expect(try first.maximum(to: sink) == second.byShortestWays(to: sink)) }
    }

    @Test func whatIsNoCapacityGivesNoEdge() throws {
        let graph = LayeredGraph(tokens: 3, levels: 1, sources: 0..<1)
        [Float.nan, -1, .infinity].withUnsafeBufferPointer {
            graph.setEdges(level: 0, token: 0, $0, plus: 0, times: 0.5)
        }
        let flow = LayeredFlow(graph: graph)
        flow.begin(supplies: [1])
        #expect(try flow.maximum(to: 0) == 0 && flow.maximum(to: 1) == 0)
        #expect(try flow.maximum(to: 2) == Int(LayeredGraph.unit))
    }

    @Test func itIsGivenUpOnRequest() throws {
        var random = SplitMix64(seed: 8)
        let network = Network.random(tokens: 9, levels: 3, sources: 0..<1, from: &random)
        #expect(throws: Cancellation.Cancelled.self) {
            try Cancellation.asking({ true }) { try network.maximum(to: 0) }
        }
    }
}
