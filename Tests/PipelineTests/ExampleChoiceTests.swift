import Pipeline
import Testing

@Suite struct ExampleChoiceTests {
    private static func scores(_ values: [Float], file: Int = 0, rate: Double = 10) -> [ExampleScore] {
        values.enumerated().map { frame, value in
            ExampleScore(
                place: ExamplePlace(file: file, frame: frame, seconds: Double(frame) / rate), score: value)
        }
    }

    /// On a rise each frame is better than the one before, and still the frames a second apart from the best are taken.
    @Test func nearCopiesAreLeftOut() {
        let rise = Self.scores((0..<31).map(Float.init))
        let best = ExampleChoice.best(4, of: rise, apartSeconds: 1)
        #expect(best.map(\.place.frame) == [30, 20, 10, 0])
        #expect(ExampleChoice.best(2, of: rise, apartSeconds: 0).map(\.place.frame) == [30, 29])
    }

    @Test func framesOfOtherFilesAreNoCopies() {
        let scores = Self.scores([1, 5, 2]) + Self.scores([4, 3], file: 1)
        let best = ExampleChoice.best(9, of: scores, apartSeconds: 1)
        #expect(best.map(\.score) == [5, 4])
        #expect(best.map(\.place.file) == [0, 1])
    }

    /// Of equals the first is taken.
    @Test func orderIsKept() {
        let scores = Self.scores([2, 2, 7, 2], rate: 0.5)
        #expect(
            ExampleChoice.best(4, of: scores, apartSeconds: 1).map(\.place.frame) == [2, 0, 1, 3])
        #expect(ExampleChoice.best(3, of: [], apartSeconds: 1).isEmpty)
    }
}
