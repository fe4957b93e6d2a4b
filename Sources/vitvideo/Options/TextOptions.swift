import ArgumentParser
import Base
import ModelZoo
import Tokenizers
import ViT

/// Texts as classes, for models with a text tower.
struct TextOptions: ParsableArguments {
    @Option(
        name: .customLong("text"),
        help: ArgumentHelp(
            """
            A text in place of a class, such as "a dog", for models with a text tower (CLIP, SigLIP); repeat it for \
            more. The picture is compared with each.
            """, valueName: "text"))
    var texts: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            Tokenizer of the text tower, a file or a directory: tokenizer.json, vocab.json beside merges.txt, \
            bpe_simple_vocab_16e6.txt.gz, spiece.model. (default: the one beside the weights, else of CLIP \
            OpenAI's, fetched once)
            """, valueName: "file"))
    var tokenizer: String?

    var isWanted: Bool { !texts.isEmpty }

    func validate() throws {
        if texts.contains(where: { $0.allSatisfy(\.isWhitespace) }) {
            throw ValidationError("--text is empty; give it words, such as --text \"a dog\"")
        }
        if let twice = texts.indices.first(where: { texts[..<$0].contains(texts[$0]) }) {
            throw ValidationError("--text \(quoted(texts[twice])) is given twice")
        }
        if tokenizer != nil, texts.isEmpty { throw ValidationError("--tokenizer goes with --text") }
        try FileArguments.check([("--tokenizer", tokenizer)])
    }

    /// Refuses other classes beside texts.
    ///
    /// - Throws: `ValidationError`.
    func check(labels: String?, headFile: String?) throws {
        guard isWanted else { return }
        if labels != nil {
            throw ValidationError("--text gives classes and their names; leave --labels out")
        }
        if headFile != nil { throw ValidationError("--text and --head both give classes; give one of them") }
    }

    /// The texts as given; what they become counts with the models (`Classifier.textTokens`).
    var settings: JobSettings { [("--text", texts.isEmpty ? nil : texts.map(quoted).joined(separator: " "))] }

    /// The texts as a model's classes.
    ///
    /// - Throws: `VitvideoError` where the model has no text tower, or there is no tokenizer for it.
    func classes(of model: Model, offline: Bool) throws -> (classifier: Classifier, labels: ClassLabels) {
        guard let tower = model.textTower else { throw VitvideoError.noTextTower(model: model.name) }
        let tokenizer = try tokenizer(of: tower, model.name, offline: offline)
        let ids = try texts.map { try tokenizer.ids(of: $0, length: tower.length) }
        let classifier = try TextClassifier(ids, for: model)
        return (Classifier(classifier), ClassLabels(texts: texts, probability: classifier.probability))
    }

    private func tokenizer(of tower: TextTower, _ model: String, offline: Bool) throws -> TextTokenizer {
        let kind: TextTokenizer.Kind =
            switch tower.kind {
            case .clip: .clip
            case .siglip: .siglip
            }
        if let tokenizer { return try TextTokenizer.open(tokenizer, kind) }
        if let found = try TextTokenizer.find(kind, in: tower.directory) { return found }
        if kind == .clip, tower.vocabularyCount == ModelCache.clipVocabularyCount {
            return try TextTokenizer.open(try ModelCache.standard().clipVocabulary(offline: offline), kind)
        }
        throw VitvideoError(
            .noInput,
            reason:
                "the text tower of \(model) needs a tokenizer, and in \(tower.directory) there is none of "
                + TextTokenizer.names(of: kind).joined(separator: ", "),
            nextStep: .nameTokenizer(download: nil))
    }
}
