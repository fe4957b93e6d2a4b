import Base
import Testing

@testable import Datasets

@Suite struct SplitTests {
    @Test func aShareIsOfEachClass() throws {
        let pictures = try labelled([40, 10, 2])
        let split = try PictureSplit(pictures, .stratified(0.2), seed: 1)
        #expect((split.training + split.validation).sorted() == Array(0..<52))
        let classes = split.validation.map { pictures.labels[$0] }
        #expect([0, 1, 2].map { label in classes.count { $0 == label } } == [8, 2, 1])
        #expect(split.summary == "41 pictures to train on, 11 for validation")
    }

    @Test func theSeedDecides() throws {
        let pictures = try labelled([30, 30])
        let split = try PictureSplit(pictures, .stratified(0.3), seed: 1)
        #expect(try PictureSplit(pictures, .stratified(0.3), seed: 1) == split)
        #expect(try PictureSplit(pictures, .stratified(0.3), seed: 2) != split)
    }

    @Test func noneIsTakenOfNoShare() throws {
        let split = try PictureSplit(try labelled([3, 1]), .stratified(0), seed: 1)
        #expect(split.training == [0, 1, 2, 3] && split.validation.isEmpty)
    }

    @Test func theLastAreKerass() throws {
        // ⌊45 · 0.9⌋ = 40; the classes alternate.
        let labels = (0..<45).map { Int32($0 % 2) }
        let pictures = try LabelledPictures(
            path: "given", format: .arrays, classNames: ["a", "b"],
            pictures: GivenPictures(images: labels.indices.map { plainPicture($0) }), labels: labels,
            parts: .init(training: 0..<45), warnings: [])
        let split = try PictureSplit(pictures, .last(0.1), seed: 1)
        #expect(split.training == Array(0..<40) && split.validation == Array(40..<45))
    }

    @Test func whatTheSourceKeepsIsUsed() throws {
        let parts = LabelledPictures.Parts(training: 0..<6, validation: 6..<8, test: 8..<10)
        func pictures(_ parts: LabelledPictures.Parts) throws -> LabelledPictures {
            let labels = (0..<10).map { Int32($0 % 2) }
            return try LabelledPictures(
                path: "given", format: .arrays, classNames: ["a", "b"],
                pictures: GivenPictures(images: labels.indices.map { plainPicture($0) }), labels: labels,
                parts: parts, warnings: [])
        }
        let all = try PictureSplit(try pictures(parts), .given, seed: 1)
        #expect(all.training == Array(0..<6) && all.validation == [6, 7] && all.test == [8, 9])
        #expect(all.summary == "6 pictures to train on, 2 for validation, 2 for the test")
        var noValidation = parts
        noValidation.validation = nil
        let test = try PictureSplit(try pictures(noValidation), .given, seed: 1)
        #expect(test.training == Array(0..<6) && test.validation == [8, 9] && test.test.isEmpty)
        let own = try PictureSplit(try pictures(parts), .stratified(0.34), seed: 1)
        #expect(own.validation.count == 2 && own.validation.allSatisfy { $0 < 6 } && own.test == [8, 9])
        let neither = try PictureSplit(try labelled([20, 20]), .given, seed: 1)
        #expect(neither.validation.count == 4)
    }

    @Test func aClassOfOnePictureIsRefused() throws {
        let pictures = try labelled([5, 1])
        let error = #expect(throws: VitvideoError.self) {
            try PictureSplit(pictures, .stratified(0.1), seed: 1)
        }
        #expect(error?.description.contains("class 'class 1' has one picture") == true)
        #expect(error?.kind == .badData)
    }

    @Test func classesThatAreWhollyAmongTheLastAreRefused() throws {
        let pictures = try labelled([50, 5])
        let error = #expect(throws: VitvideoError.self) { try PictureSplit(pictures, .last(0.1), seed: 1) }
        #expect(error?.description.contains("all pictures of class 'class 1' are among the last") == true)
        #expect(throws: VitvideoError.self) { try PictureSplit(try labelled([1, 1]), .last(1), seed: 1) }
    }
}
