import Checkpoints

/// Finds linear classifiers of a backbone by their usual names, inside its prefix or beside it.
enum ClassifierSearch {
    /// A layer in the file.
    struct Found: Sendable {
        /// Its name without ".weight".
        let name: String
        /// Its canonical name.
        let target: String
    }

    /// In the order of preference.
    private static let names = [
        "head", "classifier", "cls_classifier", "linear_head", "fc", "head.fc", "heads.head", "linear",
        "classifier_head", "cls_head", "linear_classifier", "last_linear", "mlp_head",
    ]
    private static let distillationNames = ["head_dist", "distillation_classifier"]

    /// - Parameters:
    ///   - prefix: the backbone's.
    ///   - width: of its tokens.
    static func classifiers(of checkpoint: Checkpoint, prefix: String, width: Int) -> [Found] {
        let places = ClassifierSearch.places(around: prefix)
        func first(_ names: [String], _ target: (_ inputs: Int) -> String?) -> Found? {
            for place in places {
                for name in names {
                    guard let shape = checkpoint["\(place)\(name).weight"]?.shape, shape.count == 2,
                        let target = target(shape[1])
                    else { continue }
                    if let bias = checkpoint["\(place)\(name).bias"], bias.shape != [shape[0]] { continue }
                    return Found(name: place + name, target: target)
                }
            }
            return nil
        }
        var found: [Found] = []
        // On the class token, or on class token and mean patch token as DINOv2's.
        if let head = first(names, { $0 == width ? "head" : $0 == 2 * width ? "linear_head" : nil }) {
            found.append(head)
        }
        if let second = first(distillationNames, { $0 == width ? "head_dist" : nil }) { found.append(second) }
        return found
    }

    /// The prefix and what encloses it: for "model.backbone." also "model." and "".
    private static func places(around prefix: String) -> [String] {
        var places = [prefix]
        var rest = prefix.dropLast()
        while let dot = rest.lastIndex(where: { $0 == "." || $0 == "/" }) {
            places.append(String(rest[...dot]))
            rest = rest[..<dot]
        }
        return places.last == "" ? places : places + [""]
    }
}
