/// How much a frame excites a neuron: the mean over its patches.
package struct ExampleScore: Sendable, Equatable {
    package let place: ExamplePlace
    package let score: Float

    package init(place: ExamplePlace, score: Float) {
        (self.place, self.score) = (place, score)
    }
}

/// The frames that excite a neuron most, without near copies.
package enum ExampleChoice {
    /// The best `count` of the scores, best first: of frames of one file that lie within `seconds` of a better one none.
    ///
    /// - Parameter scores: in the order of files and frames; of equals the first is taken.
    package static func best(
        _ count: Int, of scores: [ExampleScore], apartSeconds seconds: Double
    ) -> [ExampleScore] {
        let order = scores.indices.sorted { (scores[$1].score, $0) < (scores[$0].score, $1) }
        var taken: [ExampleScore] = []
        for index in order where taken.count < count {
            let candidate = scores[index]
            let isCopy = taken.contains { other in
                other.place.file == candidate.place.file
                    && abs(other.place.seconds - candidate.place.seconds) < seconds
            }
            if !isCopy { taken.append(candidate) }
        }
        return taken
    }
}
