/// How far the nodes of a `LayeredGraph` are from a sink, in edges that can take something: the levels of Dinic's
/// algorithm, measured from the sink on.
final class SinkDistances {
    private let graph: LayeredGraph
    private let levels: Int
    /// Of every node, `levels × tokens`; 0 where the sink is out of reach or farther than was looked.
    let distance: UnsafeMutablePointer<Int32>
    /// The nodes in reach by their places in `distance`, the nearest first, those of a distance by their levels.
    let order: UnsafeMutablePointer<Int32>
    private(set) var reached = 0
    /// Where in `order` a distance's nodes of a level begin, from distance 1 on.
    private var starts: [Int] = []
    /// The nodes that are not reached yet, `levels × tokens`, and how many a level has.
    private let waiting: UnsafeMutablePointer<Int32>
    private var waitingCounts: [Int]

    init(graph: LayeredGraph) {
        self.graph = graph
        levels = graph.levels
        let count = graph.levels * graph.tokens
        func buffer() -> UnsafeMutablePointer<Int32> {
            let start = UnsafeMutablePointer<Int32>.allocate(capacity: count)
            start.initialize(repeating: 0, count: count)
            return start
        }
        (distance, order, waiting) = (buffer(), buffer(), buffer())
        waitingCounts = [Int](repeating: 0, count: graph.levels)
    }

    deinit {
        for start in [distance, order, waiting] { start.deallocate() }
    }

    /// The nodes of the levels below and above one that are so far away, as ranges of `order`; empty for a level that
    /// there is not.
    ///
    /// - Parameter distance: at least 1.
    func neighbors(at distance: Int, of level: Int) -> (below: Range<Int>, above: Range<Int>) {
        let index = (distance - 1) * levels + level
        return (
            level == 0 ? 0..<0 : starts[index - 1]..<starts[index],
            level == levels - 1 ? 0..<0 : starts[index + 1]..<starts[index + 2]
        )
    }

    /// Measures until every node that holds something is reached, or nothing more is.
    ///
    /// - Parameters:
    ///   - free: of the nodes of level 0 what the edge into the sink can still take.
    ///   - held: of every node what it holds, `levels × tokens`.
    /// - Returns: whether a node that holds something is reached.
    func measure(free: UnsafePointer<Int32>, held: UnsafePointer<Int32>) -> Bool {
        let (tokens, levels) = (graph.tokens, levels)
        distance.update(repeating: 0, count: levels * tokens)
        starts.removeAll(keepingCapacity: true)
        starts.append(0)
        reached = 0
        var (holding, holdingReached) = (0, 0)
        for level in 0..<levels {
            var count = 0
            for node in 0..<graph.nodes(level) {
                let place = level * tokens + node
                if held[place] > 0 { holding += 1 }
                if level == 0 && free[node] > 0 {
                    reach(place, at: 1)
                } else {
                    waiting[level * tokens + count] = Int32(node)
                    count += 1
                }
            }
            waitingCounts[level] = count
            starts.append(reached)
        }
        var (before, distance) = (0, 1)
        while reached > before {
            for index in before..<reached where held[Int(order[index])] > 0 { holdingReached += 1 }
            if holdingReached == holding { break }
            before = reached
            distance += 1
            for level in 0..<levels {
                step(level, to: distance)
                starts.append(reached)
            }
        }
        return holdingReached > 0
    }

    private func reach(_ place: Int, at distance: Int) {
        self.distance[place] = Int32(distance)
        order[reached] = Int32(place)
        reached += 1
    }

    /// Reaches the nodes of a level that have an edge to one that is nearer by 1.
    private func step(_ level: Int, to distance: Int) {
        let tokens = graph.tokens
        let (below, above) = neighbors(at: distance - 1, of: level)
        guard !below.isEmpty || !above.isEmpty else { return }
        let waiting = waiting + level * tokens
        let onward = UnsafePointer(graph.rest[level])
        let isTop = level + 1 == graph.levels
        let (back, width) =
            isTop ? (onward, 0) : (UnsafePointer(graph.load[level + 1]), graph.nodes(level + 1))
        var kept = 0
        for index in 0..<waitingCounts[level] {
            let node = Int(waiting[index])
            if Self.leads(onward + node * tokens, to: below, of: order, firstPlace: (level - 1) * tokens)
                || Self.leads(back + node * width, to: above, of: order, firstPlace: (level + 1) * tokens)
            {
                reach(level * tokens + node, at: distance)
            } else {
                waiting[kept] = waiting[index]
                kept += 1
            }
        }
        waitingCounts[level] = kept
    }

    /// Whether an edge to one of the nodes can take something.
    private static func leads(
        _ edges: UnsafePointer<Int32>, to nodes: Range<Int>, of order: UnsafePointer<Int32>, firstPlace: Int
    ) -> Bool {
        for index in nodes where edges[Int(order[index]) - firstPlace] > 0 { return true }
        return false
    }
}
