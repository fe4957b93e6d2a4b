import Probing

/// What a report holds.
package struct ReportOptions: Sendable {
    package var sections: Set<ReportSection>
    /// How many pictures, the first ones, are shown one by one.
    package var figures: Int
    /// The block whose heads, queries and keys are shown; negative from the end.
    package var layer: Int
    /// The head whose queries and keys are shown.
    package var head: Int
    /// Rollout is shown at each of these.
    package var discardRatios: [Double]
    /// The classes that gradient rollout is shown for, the likeliest ones, and those that the prediction
    /// lists.
    package var classes: Int

    package init(
        sections: Set<ReportSection> = Set(ReportSection.allCases), figures: Int = 4, layer: Int = -1,
        head: Int = 0, discardRatios: [Double] = [0, 0.5, 0.9], classes: Int = 3
    ) {
        self.sections = sections
        self.figures = figures
        self.layer = layer
        self.head = head
        self.discardRatios = discardRatios
        self.classes = classes
    }

    /// How many of so many pictures are read at all: only the distance is of more than those shown.
    package func picturesRead(of count: Int) -> Int {
        if sections.contains(.distance) { return count }
        return sections.contains { $0.isOfPictures } ? min(figures, count) : 0
    }

    /// Every kind of rollout that is shown, row by row.
    ///
    /// - Throws: `VitvideoError` for a ratio that rollout does not have.
    func rollouts() throws -> [RolloutOptions] {
        try [HeadFusion.mean, .max, .min].flatMap { fusion in
            try discardRatios.map { try RolloutOptions(headFusion: fusion, discardRatio: $0) }
        }
    }

    /// - Throws: `VitvideoError` for a ratio that rollout does not have.
    func gradientRollouts() throws -> [RolloutOptions] {
        try discardRatios.map { try RolloutOptions(discardRatio: $0) }
    }
}
