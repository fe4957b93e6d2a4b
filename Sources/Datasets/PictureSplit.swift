import Base

/// What the pictures for validation are taken from.
package enum ValidationRule: Sendable, Hashable {
    /// What the source keeps for validation; where it keeps nothing, what it keeps for a test; where it keeps neither, a
    /// tenth of each class.
    case given
    /// A share of the training pictures, of each class, drawn by the seed.
    case stratified(Double)
    /// The last of the training pictures as Keras's `validation_split` takes them: those from ⌊n · (1 − share)⌋ on.
    case last(Double)

    /// The share where a source keeps nothing.
    package static let standardShare = 0.1
}

/// The pictures of a training run by what they are for: places in `LabelledPictures`, ascending.
package struct PictureSplit: Sendable, Equatable {
    package let training: [Int]
    package let validation: [Int]
    /// What the source keeps for a test, unless validation takes it; empty where there is nothing.
    package let test: [Int]

    /// - Throws: `VitvideoError` of kind `badData` where a class has too few pictures to have some in both.
    package init(_ pictures: LabelledPictures, _ rule: ValidationRule, seed: UInt64) throws {
        let parts = pictures.parts
        let all = Array(parts.training)
        switch rule {
        case .given:
            if let given = parts.validation {
                (training, validation, test) = (all, Array(given), parts.test.map(Array.init) ?? [])
            } else if let given = parts.test {
                (training, validation, test) = (all, Array(given), [])
            } else {
                validation = try Self.stratified(pictures, share: ValidationRule.standardShare, seed: seed)
                (training, test) = (Self.without(validation, all), [])
            }
        case .stratified(let share):
            validation = try Self.stratified(pictures, share: share, seed: seed)
            (training, test) = (Self.without(validation, all), parts.test.map(Array.init) ?? [])
        case .last(let share):
            let start = Int((Double(all.count) * (1 - share)).rounded(.down))
            training = Array(all[..<start])
            validation = Array(all[start...])
            test = parts.test.map(Array.init) ?? []
            try Self.checkLast(pictures, training: training, validation: validation)
        }
    }

    /// As "1617 pictures to train on, 180 for validation".
    package var summary: String {
        "\(training.count) pictures to train on, \(validation.count) for validation"
            + (test.isEmpty ? "" : ", \(test.count) for the test")
    }

    /// A share of each class, rounded, but one picture at least, and one is left.
    private static func stratified(_ pictures: LabelledPictures, share: Double, seed: UInt64) throws -> [Int]
    {
        guard share > 0 else { return [] }
        let classes = Dictionary(grouping: pictures.parts.training) { pictures.labels[$0] }
        return try classes.flatMap { label, places -> [Int] in
            guard places.count > 1 else {
                throw VitvideoError(
                    .badData, cannot: "train on", path: pictures.path,
                    reason: "class \(quoted(pictures.classNames[Int(label)])) has one picture, "
                        + "and training and validation need one each",
                    nextStep: .advice("add pictures of it, or leave the class out"))
            }
            let count = min(max(1, Int((Double(places.count) * share).rounded())), places.count - 1)
            var generator = SplitMix64(seed: seed, purpose: "validation", Int(label))
            return generator.permutation(of: places.count).prefix(count).map { places[$0] }
        }.sorted()
    }

    private static func without(_ taken: [Int], _ all: [Int]) -> [Int] {
        let taken = Set(taken)
        return all.filter { !taken.contains($0) }
    }

    /// Pictures that are sorted by class lose whole classes to the end.
    private static func checkLast(
        _ pictures: LabelledPictures, training: [Int], validation: [Int]
    ) throws {
        func refusal(_ reason: String) -> VitvideoError {
            VitvideoError(
                .badData, cannot: "train on", path: pictures.path, reason: reason,
                nextStep: .advice("take a share of each class for validation"))
        }
        guard !training.isEmpty else { throw refusal("validation takes all pictures") }
        let trained = Set(training.map { pictures.labels[$0] })
        if let lost = validation.first(where: { !trained.contains(pictures.labels[$0]) }) {
            let name = quoted(pictures.classNames[Int(pictures.labels[lost])])
            throw refusal("all pictures of class \(name) are among the last, which are for validation")
        }
    }
}
