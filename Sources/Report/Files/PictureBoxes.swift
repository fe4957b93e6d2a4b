import Base
import Files
import Methods

/// The box of each picture of a report, with its label. Of a picture with several boxes the first one counts, as in
/// Ghiasi et al.'s code.
struct PictureBoxes: Sendable {
    /// The list's file.
    let source: String
    /// By the picture's path as it was given.
    let boxes: [String: BoxList.Box]
    /// What of the list is not used, a sentence each.
    let notices: [String]

    /// A path of the list is relative to the list's directory or to the working directory.
    ///
    /// - Parameter pictures: paths as they were given.
    /// - Throws: `VitvideoError` of kind `badData` where no box is of any of them, and where some boxes have labels and
    ///   others none.
    init(_ list: BoxList, pictures: [String]) throws {
        source = list.source
        var given: [String: [String]] = [:]
        for path in pictures { given[FileSystem.realpath(path) ?? path, default: []].append(path) }
        let folder = list.source.parentPath
        var boxes: [String: BoxList.Box] = [:]
        var others: [BoxList.Box] = []
        var further = 0
        for box in list.boxes {
            let candidates = box.path.hasPrefix("/") ? [box.path] : ["\(folder)/\(box.path)", box.path]
            let names = candidates.lazy.compactMap { FileSystem.realpath($0) }.compactMap { given[$0] }.first
            guard let names else {
                others.append(box)
                continue
            }
            for name in names {
                if boxes[name] == nil { boxes[name] = box } else { further += 1 }
            }
        }
        guard !boxes.isEmpty else {
            throw VitvideoError(
                .badData, cannot: "use", path: list.source,
                reason:
                    "none of its boxes is of a picture that is given; the first is of \(quoted(list.boxes[0].path))"
            )
        }
        if let bare = boxes.values.filter({ $0.label == nil }).map(\.place).min(),
            boxes.values.contains(where: { $0.label != nil })
        {
            throw VitvideoError(
                .badData, cannot: "use", path: list.source,
                reason: "\(bare) has no label, and others have one")
        }
        self.boxes = boxes
        var notices: [String] = []
        if let first = others.first {
            notices.append(
                "\(others.count) box\(others.count == 1 ? " is of a picture that is" : "es are of pictures that are") "
                    + "not given, the first of \(quoted(first.path))")
        }
        if further > 0 {
            notices.append(
                "\(further) further box\(further == 1 ? "" : "es") of pictures with several "
                    + "\(further == 1 ? "does" : "do") not count, only each picture's first")
        }
        self.notices = notices
    }

    /// What the pictures show, as classes of a model, by path; nil where the boxes have no labels, and for a model
    /// without classes.
    ///
    /// - Throws: `VitvideoError` of kind `badData` for a label that no class has.
    func classes(of subject: ReportSubject) throws -> [String: Int]? {
        guard let classification = subject.classification, boxes.values.contains(where: { $0.label != nil })
        else { return nil }
        let (labels, count) = (classification.labels, classification.classifier.classes)
        var known: [String: Int] = [:]
        var classes: [String: Int] = [:]
        // In the order of the list's places, so that the first wrong one is told.
        for (path, box) in boxes.sorted(by: {
            ($0.value.place.count, $0.value.place) < ($1.value.place.count, $1.value.place)
        }) {
            guard let label = box.label else { continue }
            func problem(_ reason: String, _ nextStep: NextStep? = nil) -> VitvideoError {
                VitvideoError(
                    .badData, cannot: "use", path: source, reason: "\(box.place): \(reason)",
                    nextStep: nextStep)
            }
            if let index = known[label] {
                classes[path] = index
                continue
            }
            let choice = Int(label).map(ClassChoice.index) ?? .name(label)
            if case .name = choice, labels.names.isEmpty {
                throw problem(
                    "the label \(quoted(label)) is a name, and what \(subject.name) calls its classes is not known",
                    .nameClasses)
            }
            do {
                let index = try choice.index(among: labels, classes: count)
                known[label] = index
                classes[path] = index
            } catch let error as VitvideoError {
                throw problem("\(subject.name): \(error.reason)", error.nextStep)
            }
        }
        return classes
    }
}
