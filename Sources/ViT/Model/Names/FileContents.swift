import Base

/// What a file holds, in words for a refusal: how many tensors, some of their names, and what they look like.
struct FileContents {
    let text: String
    let advice: String?

    /// - Parameter isModel: whether there is a model in it that is read, so that it looks like nothing else.
    init(_ names: [String], isModel: Bool = false) {
        let shown = names.prefix(3).map { quoted($0) }.joined(separator: ", ")
        var text = "it holds \(names.count) tensor\(names.count == 1 ? "" : "s")"
        if !shown.isEmpty { text += names.count > 3 ? " such as \(shown)" : " (\(shown))" }
        if isModel {
            advice = nil
        } else if let model = ForeignModel.recognized(in: names) {
            text += " and looks like \(model.name)"
            advice = model.advice
        } else if names.count <= 2, names.contains(where: { $0.hasSuffix("weight") }) {
            text += " and looks like a linear classifier"
            advice = "the backbone that it was trained on is the model"
        } else {
            advice = nil
        }
        self.text = text
    }
}
