namespace Fairlead.EndToEnd;

public sealed class SkeletonTests
{
    [Fact]
    public void Builds() => Assert.NotNull(typeof(SkeletonTests).Assembly);
}
