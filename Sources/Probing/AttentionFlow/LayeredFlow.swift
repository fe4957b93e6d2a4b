import Base

/// Exact maximum flows through a `LayeredGraph`, to one sink at a time.
///
/// Dinic's algorithm, with every node that holds something as a source. All supply is let in at once and stays in the
/// graph from sink to sink: what the last sink was given goes to the next as far as the edges into that take it, and the
/// rest looks for ways on and back through the residual graph. What finds none stays where it is. The flow is the largest
/// all the same, since in the end no way leads from a node that holds something to the sink.
package final class LayeredFlow {
    package let graph: LayeredGraph
    /// What nodes hold that has not arrived, `levels × tokens`.
    private let held: UnsafeMutablePointer<Int32>
    /// What the nodes of level 0 have given to the sink, and what they still can.
    private let given: UnsafeMutablePointer<Int32>
    private let free: UnsafeMutablePointer<Int32>
    private let distances: SinkDistances
    /// Of each node how many of the edges that lead nearer to the sink lead nowhere now.
    private let used: UnsafeMutablePointer<Int32>
    private let path: UnsafeMutablePointer<Step>
    private var supply = 0

    /// A node on a way to the sink.
    private struct Step {
        /// Level and node in one, `level · tokens + node`.
        let place: Int
        let level: Int
        /// How much of what is sent can come up to here.
        var amount: Int32
        /// What the edge to here can take, and what the edge back can; nil where the way begins.
        var room: UnsafeMutablePointer<Int32>?
        var back: UnsafeMutablePointer<Int32>?

        mutating func carry(_ sent: Int32) {
            amount -= sent
            room?.pointee -= sent
            back?.pointee += sent
        }
    }

    package init(graph: LayeredGraph) {
        self.graph = graph
        func buffer(_ count: Int) -> UnsafeMutablePointer<Int32> {
            let start = UnsafeMutablePointer<Int32>.allocate(capacity: count)
            start.initialize(repeating: 0, count: count)
            return start
        }
        let count = graph.levels * graph.tokens
        (held, used) = (buffer(count), buffer(count))
        // A way gets nearer to the sink at every step and so has each node once at most.
        path = .allocate(capacity: count)
        (given, free) = (buffer(graph.tokens), buffer(graph.tokens))
        distances = SinkDistances(graph: graph)
    }

    deinit {
        for start in [held, given, free, used] { start.deallocate() }
        path.deallocate()
    }

    /// Bytes that flows take beside their graph.
    static func memoryBytes(tokens: Int, levels: Int) -> Int {
        levels * tokens * (MemoryLayout<Step>.stride + 5 * MemoryLayout<Int32>.stride)
            + 2 * tokens * MemoryLayout<Int32>.stride
    }

    /// Starts over with the edges that the graph has now.
    ///
    /// - Parameter supplies: of the sources, in sum 1.
    package func begin(supplies: some Collection<Float>) {
        held.update(repeating: 0, count: graph.levels * graph.tokens)
        given.update(repeating: 0, count: graph.tokens)
        supply = 0
        for (node, share) in supplies.enumerated() {
            let amount = min(Int(Double(share) * Double(LayeredGraph.unit)), graph.capacity(ofSource: node))
            held[(graph.levels - 1) * graph.tokens + node] = Int32(amount)
            supply += amount
        }
    }

    /// What no flow to a sink exceeds: the supply, and the edges into the sink together.
    package func bound(to sink: Int) -> Int {
        let nodes = graph.nodes(0)
        return min(supply, (0..<nodes).reduce(0) { $0 + Int(graph.intoSinks[sink * nodes + $1]) })
    }

    /// - Returns: the maximum flow to a sink, in units of `LayeredGraph.unit`.
    /// - Throws: `Cancellation.Cancelled`.
    package func maximum(to sink: Int) throws -> Int {
        let bound = bound(to: sink)
        let nodes = graph.nodes(0)
        var arrived = 0
        for node in 0..<nodes {
            let (all, most) = (held[node] + given[node], graph.intoSinks[sink * nodes + node])
            given[node] = min(all, most)
            free[node] = most - given[node]
            held[node] = all - given[node]
            arrived += Int(given[node])
        }
        while arrived < bound {
            try Cancellation.check()
            guard distances.measure(free: free, held: held) else { break }
            used.update(repeating: 0, count: graph.levels * graph.tokens)
            for index in 0..<distances.reached {
                let place = Int(distances.order[index])
                if held[place] > 0 { arrived += Int(send(from: place)) }
            }
        }
        return arrived
    }

    /// Sends on what a node holds, along edges that lead nearer to the sink, until nothing is left or no way.
    ///
    /// - Returns: how much arrives.
    private func send(from place: Int) -> Int32 {
        let (tokens, path, free, given) = (graph.tokens, path, free, given)
        let all = held[place]
        path[0] = Step(place: place, level: place / tokens, amount: all)
        var last = 0
        while last >= 0 {
            let here = path[last]
            if here.level == 0 && distances.distance[here.place] == 1 {
                let amount = min(here.amount, free[here.place])
                given[here.place] += amount
                free[here.place] -= amount
                path[0].amount -= amount
                var full = path[0].amount == 0 ? 0 : last + 1
                for step in stride(from: last, to: 0, by: -1) {
                    path[step].carry(amount)
                    if path[step].amount == 0 && full > 0 { full = step }
                }
                if full <= last {
                    // Back to before the first edge that is full, or there is nothing left to send.
                    last = full - 1
                    continue
                }
            } else if let next = nextStep(from: here) {
                last += 1
                path[last] = next
                continue
            }
            // Nothing gets on from here.
            last -= 1
            if last >= 0 { used[path[last].place] += 1 }
        }
        held[place] = path[0].amount
        return all - path[0].amount
    }

    /// The next edge from a node that leads nearer to the sink and can take something: down one that has room, or up one
    /// that carries something, which is taken back.
    private func nextStep(from here: Step) -> Step? {
        let (tokens, order, level) = (graph.tokens, distances.order, here.level)
        let node = here.place - level * tokens
        let nearer = Int(distances.distance[here.place]) - 1
        let (below, above) = distances.neighbors(at: nearer, of: level)
        var count = Int(used[here.place])
        defer { used[here.place] = Int32(count) }
        while count < below.count {
            let next = Int(order[below.lowerBound + count])
            let under = next - (level - 1) * tokens
            let room = graph.rest[level] + node * tokens + under
            if room.pointee > 0 {
                return Step(
                    place: next, level: level - 1, amount: min(here.amount, room.pointee), room: room,
                    back: graph.load[level] + under * graph.nodes(level) + node)
            }
            count += 1
        }
        while count - below.count < above.count {
            let next = Int(order[above.lowerBound + count - below.count])
            let over = next - (level + 1) * tokens
            let load = graph.load[level + 1] + node * graph.nodes(level + 1) + over
            if load.pointee > 0 {
                return Step(
                    place: next, level: level + 1, amount: min(here.amount, load.pointee), room: load,
                    back: graph.rest[level + 1] + over * tokens + node)
            }
            count += 1
        }
        return nil
    }
}
