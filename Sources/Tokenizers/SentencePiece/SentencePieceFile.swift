import Base
import Files

/// A model as SentencePiece saves it, `spiece.model` or `tokenizer.model`: pieces, and how text is normalized.
/// https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
struct SentencePieceFile {
    /// `SentencePiece.Type`.
    enum Kind: UInt64 {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    struct Piece {
        var text: [UInt8] = []
        var score: Float = 0
        var kind: Kind = .normal
    }

    private(set) var pieces: [Piece] = []
    private(set) var charsmap: [UInt8] = []
    private(set) var removesExtraSpaces = true
    private(set) var escapesSpaces = true
    private(set) var hasByteFallback = false
    /// 1 for unigram, which is the default.
    private var modelType: UInt64 = 1
    private var spaceIsSuffix = false

    /// No published model is near it.
    private static let longest = 1 << 28

    /// - Throws: `VitvideoError` where the file cannot be read, is damaged, or holds another kind of model.
    init(contentsOf path: String) throws {
        let file = try MappedFile.open(path)
        try locating("read", path) {
            guard file.count <= Self.longest else { throw VitvideoError.longerThan(Self.longest) }
            try file.withBytesOnce { try read($0) }
            guard !pieces.isEmpty else { throw VitvideoError.badData("it holds no pieces") }
            guard modelType == 1 else {
                throw VitvideoError.badData(
                    "its model is not SentencePiece's unigram one",
                    nextStep: "give the tokenizer.json of the same model")
            }
            guard escapesSpaces, !spaceIsSuffix else {
                throw VitvideoError.badData("it writes spaces in another way than the models that are read")
            }
        }
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer) throws {
        var model = ProtobufFields(bytes, 0..<bytes.count)
        while let field = try model.next() {
            guard let content = field.content else { continue }
            switch field.number {
            case 1: pieces.append(try piece(bytes, content))
            case 2: try readTraining(bytes, content)
            case 3: try readNormalization(bytes, content)
            default: break
            }
        }
    }

    private func piece(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws -> Piece {
        var piece = Piece()
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            switch field.number {
            case 1: piece.text = field.content.map { Array(bytes[$0]) } ?? []
            case 2: piece.score = field.bits32.map(Float.init(bitPattern:)) ?? 0
            case 3:
                guard let kind = Kind(rawValue: field.varint ?? 1) else {
                    throw VitvideoError.badData("it holds a piece of an unknown kind")
                }
                piece.kind = kind
            default: break
            }
        }
        guard piece.score.isFinite else { throw VitvideoError.badData("the score of a piece is no number") }
        return piece
    }

    /// `TrainerSpec`.
    private mutating func readTraining(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws {
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            switch field.number {
            case 3: modelType = field.varint ?? modelType
            case 24: spaceIsSuffix = field.varint == 1
            case 35: hasByteFallback = field.varint == 1
            default: break
            }
        }
    }

    /// `NormalizerSpec`.
    private mutating func readNormalization(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws {
        var fields = ProtobufFields(bytes, range)
        while let field = try fields.next() {
            switch field.number {
            case 2: charsmap = field.content.map { Array(bytes[$0]) } ?? []
            case 4: removesExtraSpaces = field.varint == 1
            case 5: escapesSpaces = field.varint == 1
            default: break
            }
        }
    }
}
