import Base
import Files
import Fixtures
import NumPy
import Pixels
import Testing

@testable import Datasets

@Suite struct ArraysFileTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Four pictures of 3×2, each sample another.
    private static let gray = NPYArray.bytes((0..<24).map { UInt8($0) }, [4, 3, 2])
    private static let labels = NPYArray.integers([0, 1, 1, 0])

    private func open(_ arrays: (name: String, NPYArray)...) throws -> LabelledPictures {
        try LabelledPictures.open(try directory.arrays("data.npz", arrays), options)
    }

    private func refused(_ arrays: (name: String, NPYArray)...) throws -> String {
        let error = refusal(try directory.arrays("data.npz", arrays))
        #expect(error?.kind == .badData)
        let line = error?.description ?? ""
        #expect(!line.contains("\n") && line.contains("data.npz"))
        return line
    }

    @Test func grayPicturesAreRead() throws {
        for shape in [[4, 3, 2], [4, 3, 2, 1], [4, 1, 3, 2]] {
            let pictures = try open(
                ("images", .bytes(Self.gray.bytes, shape)), ("labels", Self.labels))
            #expect(pictures.labels == [0, 1, 1, 0] && pictures.classNames == ["0", "1"])
            let picture = try pictures.pictures.picture(1)
            #expect(picture.height == 3 && picture.width == 2)
            #expect(picture.bytes == (6..<12).flatMap { [UInt8](repeating: $0, count: 3) })
            #expect(pictures.parts == .init(training: 0..<4))
        }
    }

    @Test func coloursAreReadInEitherOrder() throws {
        let interleaved = NPYArray.bytes((0..<72).map { UInt8($0) }, [4, 2, 3, 3])
        let behind = try open(("x", interleaved), ("y", Self.labels))
        #expect(try behind.pictures.picture(2).bytes == (36..<54).map { UInt8($0) })
        let planar = try open(("x", .bytes(interleaved.bytes, [4, 3, 3, 2])), ("y", Self.labels))
        // A last dimension that is no 3 leaves the second: red, green and blue 6 apart.
        let picture = try planar.pictures.picture(0)
        #expect(picture.height == 3 && picture.width == 2 && picture.bytes[..<6] == [0, 6, 12, 1, 7, 13])
    }

    @Test(
        arguments: [
            ("x_train", "y_train"), ("train_images", "train_labels"), ("data", "target"), ("X", "Y"),
            ("images", "targets"),
        ])
    func namesAreThoseInUse(images: String, labels: String) throws {
        #expect(try open((images, Self.gray), (labels, Self.labels)).labels.count == 4)
    }

    @Test func partsAreThoseOfMedMNIST() throws {
        let column = NPYArray.bytes([0, 1, 1, 0], [4, 1])
        let pictures = try open(
            ("train_images", Self.gray), ("val_images", Self.gray), ("test_images", Self.gray),
            ("train_labels", column), ("val_labels", column), ("test_labels", column))
        #expect(pictures.parts == .init(training: 0..<4, validation: 4..<8, test: 8..<12))
        #expect(pictures.labels == [0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0])
        #expect(try pictures.pictures.picture(9) == pictures.pictures.picture(1))
    }

    @Test func otherNumbersBecomeBytesByOneRule() throws {
        let shares = NPYArray.floats([0, 0.5, 1, 0.2, 0.4, 0.6], [2, 1, 3])
        let pictures = try open(("images", shares), ("labels", .integers([0, 1])))
        #expect(
            try pictures.pictures.picture(0).bytes.enumerated().filter { $0.offset % 3 == 0 }.map(\.element)
                == [0, 128, 255])
        // Where one part has values above 1, a dark picture of another is not taken for shares.
        let dark = try open(
            ("x_train", .floats([0, 16, 255, 7, 8, 9], [2, 1, 3])), ("y_train", .integers([0, 1])),
            ("x_test", .floats([0, 1, 1], [1, 1, 3])), ("y_test", .integers([0])))
        #expect(try dark.pictures.picture(2).bytes == [0, 0, 0, 1, 1, 1, 1, 1, 1])
        let whole = try open(
            ("images", .integers([0, 200, 255, 7, 8, 9], [2, 1, 3])), ("labels", .floats([1, 0])))
        #expect(try whole.pictures.picture(0).bytes == [0, 0, 0, 200, 200, 200, 255, 255, 255])
        #expect(whole.labels == [1, 0])
    }

    /// Those that `make test` fetched.
    @Test func theHandwrittenDigitsAreRead() throws {
        let pictures = try LabelledPictures.open(Fixtures.media("digits.npz").path, options)
        #expect(pictures.labels.prefix(12) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
        let counts = (0..<10).map { digit in pictures.labels.count { $0 == digit } }
        #expect(counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
        let split = try PictureSplit(pictures, .given, seed: 1)
        #expect(split.training.count == 1618 && split.validation.count == 179)
    }

    @Test func classesHaveNamesWhereTheArchiveHasThem() throws {
        let pictures = try open(
            ("images", Self.gray), ("labels", Self.labels), ("class_names", .texts(["cat", "köter"])))
        #expect(pictures.classNames == ["cat", "köter"])
        let line = try refused(
            ("images", Self.gray), ("labels", .integers([0, 1, 2, 0])), ("class_names", .texts(["a", "b"])))
        #expect(line.contains("the label 2 of picture 2 is out of range: there are 2 classes"))
    }

    @Test func whatIsNotUsedIsTold() throws {
        let pictures = try open(
            ("images", Self.gray), ("labels", Self.labels), ("x_test", Self.gray), ("val_labels", Self.labels)
        )
        #expect(pictures.parts == .init(training: 0..<4))
        #expect(pictures.warnings.count == 2)
        #expect(pictures.warnings.first?.contains("'val_labels' is not used: it has no images") == true)
        #expect(pictures.warnings.last?.contains("'x_test' is not used: it has no labels") == true)
    }

    @Test func aClassWithoutPicturesIsTold() throws {
        let pictures = try open(("images", Self.gray), ("labels", .integers([0, 2, 2, 0])))
        #expect(pictures.classNames.count == 3)
        #expect(pictures.warnings.count == 1 && pictures.warnings[0].contains("of class '1'"))
    }

    @Test func whatDoesNotFitIsOneLine() throws {
        let images = ("images", Self.gray)
        #expect(try refused(images).contains("no images and labels to train on; its arrays are 'images'"))
        #expect(
            try refused(images, ("labels", .integers([0, 1]))).contains(
                "'images' holds 4 pictures, but 'labels' 2 labels"))
        #expect(
            try refused(("data", .bytes(Self.gray.bytes, [4, 6])), ("target", Self.labels)).contains(
                "'data' holds flattened pictures, 4×6"))
        #expect(
            try refused(("x", .bytes(Self.gray.bytes, [1, 3, 2, 4])), ("y", .integers([0]))).contains(
                "there is one class only, '0'"))
        #expect(
            try refused(("x", .bytes(Self.gray.bytes, [3, 2, 4])), ("y", .integers([0, -1, 1]))).contains(
                "the label -1"))
        #expect(try refused(images, ("labels", .floats([0, 1, 0.5, 1]))).contains("the label 0.5"))
        #expect(try refused(images, ("labels", .floats([0, 1, .nan, 1]))).contains("the label nan"))
        #expect(
            try refused(images, ("labels", .integers([0, 1, 0, 1 << 40]))).contains("the label 1099511627776")
        )
        #expect(
            try refused(images, ("labels", .integers([0, 1, 0, 70_000]))).contains(
                "the label 70000 is out of range: there are 4 pictures"))
        #expect(
            try refused(images, ("labels", .integers([1, 0, 0, 1, 1, 0, 0, 1], [4, 2]))).contains(
                "numpy.argmax"))
        #expect(try refused(images, ("labels", .texts(["a", "b", "a", "b"]))).contains("holds text"))
        #expect(
            try refused(("images", .texts(["a"])), ("labels", Self.labels)).contains("not that of pictures"))
        #expect(
            try refused(("images", .floats([0, -1, 1], [1, 1, 3])), ("labels", .integers([0]))).contains(
                "holds -1.0"))
        #expect(
            try refused(("images", .floats([0, 300, 1], [1, 1, 3])), ("labels", .integers([0]))).contains(
                "holds 300.0"))
        #expect(
            try refused(("images", .floats([0, .nan, 1], [1, 1, 3])), ("labels", .integers([0]))).contains(
                "holds nan"))
        #expect(
            try refused(("images", .integers([0, 256, 1], [1, 1, 3])), ("labels", .integers([0]))).contains(
                "holds 256"))
        #expect(
            try refused(("images", .bytes([], [0, 2, 3])), ("labels", .integers([]))).contains("no pictures"))
        #expect(
            try refused(("images", .bytes([], [4, 0, 3])), ("labels", Self.labels)).contains("no pictures"))
    }

    @Test func aDamagedArchiveIsOneLine() throws {
        let path = try directory.arrays("data.npz", [("images", Self.gray), ("labels", Self.labels)])
        let bytes = try #require(FileSystem.contents(of: path))
        try directory.write(bytes.prefix(bytes.count / 2), to: "cut.npz")
        #expect(refusal(directory.file("cut.npz"))?.kind == .badData)
    }
}
